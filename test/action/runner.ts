/** What the runner made of a step's output. */
export interface RunnerLog {
  /** As its reader sees it. */
  text: string
  /** Commands that it obeyed, each with its data, in order. */
  commands: { name: string; data: string }[]
}

/** The commands that actions/runner registers (ActionCommandManager.cs). */
const registered = [
  'add-mask',
  'add-matcher',
  'add-path',
  'debug',
  'echo',
  'endgroup',
  'error',
  'group',
  'notice',
  'remove-matcher',
  'save-state',
  'set-env',
  'set-output',
  'stop-commands',
  'warning',
]

/**
 * Reads a step's output as actions/runner does (ActionCommand.cs): `::name::data` at the start of a line, `##[name]data`
 * anywhere in one. What was masked is masked from there on, whole and line by line.
 */
export function readAsRunner(output: string): RunnerLog {
  const secrets: string[] = []
  const shown: string[] = []
  const commands: RunnerLog['commands'] = []
  for (const line of output.split(/\r\n|\r|\n/)) {
    const command = findCommand(line)
    if (command === undefined) shown.push(line)
    else {
      commands.push(command)
      if (command.name === 'add-mask') secrets.push(command.data, ...command.data.split(/[\r\n]+/))
      else shown.push(`${command.name[0]?.toUpperCase()}${command.name.slice(1)}: ${command.data}`)
    }
    const last = shown.length - 1
    for (const secret of secrets.filter(Boolean)) shown[last] = (shown[last] ?? '').replaceAll(secret, '***')
  }
  return { text: shown.join('\n'), commands }
}

function findCommand(line: string): RunnerLog['commands'][number] | undefined {
  const [, info = '', data = ''] =
    /^\s*::(.*?)::(.*)$/.exec(line) ?? /##\[([^\]]*)\](.*)$/.exec(line) ?? ([] as string[])
  const name = info.split(' ')[0]?.toLowerCase() ?? ''
  if (!registered.includes(name)) return undefined
  return { name, data: data.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%') }
}

/** The values of GITHUB_OUTPUT or GITHUB_ENV, as FileCommandManager.cs reads them. Throws for what it refuses. */
export function readRunnerFile(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  const lines = text.split('\n')
  while (lines.length > 0) {
    const line = lines.shift() ?? ''
    if (line === '') continue
    const [, name, operator, rest = ''] = /^(.+?)(<<|=)(.*)$/.exec(line) ?? []
    if (name === undefined) throw new Error(`no assignment: ${line}`)
    const end = operator === '=' ? 0 : lines.indexOf(rest)
    if (end < 0) throw new Error(`no end of ${name}`)
    values[name] =
      operator === '='
        ? rest
        : lines
            .splice(0, end + 1)
            .slice(0, -1)
            .join('\n')
  }
  return values
}
