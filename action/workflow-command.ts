import { toOneLine } from '../client/printable.ts'

// What the runner reads from standard output (GitHub's "Workflow commands", and actions/runner, ActionCommand.cs).

/** After this line the runner shows `***` instead of the secret, and of each of its lines. */
export function addMask(secret: string): string {
  return `::add-mask::${escapeData(secret)}\n`
}

/** Shown in the log and on the page of the run. It may have lines; nothing in it is read as a command. */
export function errorCommand(message: string): string {
  return `::error title=token-broker::${escapeData(message.split('\n').map(toOneLine).join('\n'))}\n`
}

/** A line for the log. Its beginning is ours: the runner looks for `::command::` there. */
export function logLine(text: string): string {
  return `token-broker: ${toOneLine(text)}\n`
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
