/**
 * In seconds: what is closer to its end than this is no more use to who has work to do with it. 5 minutes, and a third of
 * the lifetime for what lasts less than 15.
 */
export function refreshMargin(lifetime: number): number {
  return Math.min(300, lifetime / 3)
}
