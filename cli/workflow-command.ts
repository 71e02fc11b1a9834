import { escapeData } from '../client/workflow-command.ts'
import type { Shown } from '../lib/config/findings.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'

/** A finding as GitHub Actions shows it beside the line: a workflow command, escaped as actions/toolkit does, and what it lets pass as findings are. */
export function workflowCommand({ file, line, column, severity, rule, message }: Shown): string {
  const properties = { file, line, col: column, title: rule }
  const written = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(String(value))}`)
  return `::${severity} ${written.join(',')}::${escapeMessage(message)}`
}

function escapeMessage(text: string): string {
  return toOneLine(escapeData(text))
}

function escapeProperty(text: string): string {
  return escapeMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
