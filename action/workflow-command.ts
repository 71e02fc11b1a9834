import { escapeData } from '../client/workflow-command.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'

/** Shown in the log and on the page of the run. It may have lines; nothing in it is read as a command. */
export function errorCommand(message: string): string {
  return annotation('error', message)
}

export function warningCommand(message: string): string {
  return annotation('warning', message)
}

function annotation(name: string, message: string): string {
  return `::${name} title=token-broker::${escapeData(message.split('\n').map(toOneLine).join('\n'))}\n`
}

/** A line for the log. Its beginning is ours: the runner looks for `::command::` there. */
export function logLine(text: string): string {
  return `token-broker: ${toOneLine(text)}\n`
}
