import type { Answer } from './requests.ts'
import type { RunningBroker } from './running-broker.ts'

/** One line of the story, once it is true. */
export function step(text: string): void {
  process.stdout.write(`✓ ${text}\n`)
}

export function expect(held: boolean, otherwise: string): void {
  if (!held) throw new Error(otherwise)
}

export async function refused(broker: RunningBroker, what: string, answer: Answer, code: string): Promise<void> {
  expect(
    answer.status === 400 && answer.body.error === code,
    `${what}: expected 400 ${code}, got ${answer.status} ${String(answer.body.error)}`,
  )
  step(`${what} is refused: ${code}\n    the log says why: ${await broker.explanation(answer.decisionId)}`)
}
