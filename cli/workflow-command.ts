import { toOneLine, type Finding } from '../lib/config/findings.ts'

/** A finding as GitHub Actions shows it beside the line: a workflow command, escaped as actions/toolkit does, and what it lets pass as findings are. */
export function workflowCommand({ file, line, column, severity, rule, message }: Finding): string {
  const properties = { file, line, col: column, title: rule }
  const written = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(String(value))}`)
  return `::${severity} ${written.join(',')}::${escapeMessage(message)}`
}

/** A line after which GitHub Actions shows `***` instead of the secret: of that very text, so nothing in it is changed. */
export function addMask(secret: string): string {
  return `::add-mask::${escapeData(secret)}\n`
}

function escapeMessage(text: string): string {
  return toOneLine(escapeData(text))
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
