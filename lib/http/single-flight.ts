interface Flight<T> {
  outcome: Promise<T>
  waiting: number
  stop: AbortController
}

export type SingleFlight<T> = (
  name: string,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>

/**
 * One run a name at a time: whoever asks meanwhile shares its outcome. Each caller leaves when its own signal says so, and
 * the run is stopped when nobody waits for it any more, so that a frozen sandbox wakes up without it.
 */
export function singleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>()

  function start(name: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const stop = new AbortController()
    const flight = { outcome: work(stop.signal), waiting: 0, stop }
    // Nobody may be left to hear of it.
    flight.outcome.catch(() => {}).finally(() => end(name, flight))
    flights.set(name, flight)
    return flight
  }

  function end(name: string, flight: Flight<T>): void {
    if (flights.get(name) === flight) flights.delete(name)
  }

  return async (name, work, signal) => {
    signal.throwIfAborted()
    const flight = flights.get(name) ?? start(name, work)
    flight.waiting++
    const left = Promise.withResolvers<never>()
    const leave = () => left.reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    try {
      return await Promise.race([flight.outcome, left.promise])
    } finally {
      signal.removeEventListener('abort', leave)
      if (--flight.waiting === 0) {
        end(name, flight)
        flight.stop.abort()
      }
    }
  }
}
