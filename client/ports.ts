import { setTimeout } from 'node:timers/promises'

/** Time and chance: a test freezes them. */
export interface Ports {
  /** Milliseconds since 1970. */
  now(): number
  /** From 0 to 1. */
  random(): number
  sleep(milliseconds: number): Promise<unknown>
}

export const thisMachine: Ports = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (milliseconds) => setTimeout(milliseconds),
}

/**
 * A program that has nothing else to do ends, and does not wait for who sleeps. It does wait for a request that is on its way,
 * as long as that may take: fetch has no way to say otherwise.
 */
export const unattended: Ports = {
  ...thisMachine,
  sleep: (milliseconds) => setTimeout(milliseconds, undefined, { ref: false }),
}
