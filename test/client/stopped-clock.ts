import type { Ports } from '../../client/ports.ts'

/** Time that passes only while somebody sleeps. */
export interface StoppedClock extends Ports {
  milliseconds: number
  slept: number[]
}

export function stoppedClock(random = 0.5, milliseconds = Date.now()): StoppedClock {
  const clock: StoppedClock = {
    milliseconds,
    slept: [],
    now: () => clock.milliseconds,
    random: () => random,
    sleep(pause) {
      clock.slept.push(pause)
      clock.milliseconds += pause
      return Promise.resolve()
    },
  }
  return clock
}
