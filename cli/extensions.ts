export interface Extension {
  text: string
  /** What of theirs stands where ours would: a sentence each. */
  notes: readonly string[]
}

/** By path, how a file that stands already takes in what ours says. Undefined when it cannot. */
export const extensions: Readonly<Record<string, (theirs: string, ours: string) => Extension | undefined>> = {
  'package.json': extendPackageFile,
  '.gitignore': extendIgnoreFile,
}

type JsonObject = Record<string, unknown>

/** Scripts and dependencies alone: an app.mjs needs no `type`, and who may publish is theirs to say. */
function extendPackageFile(theirs: string, ours: string): Extension | undefined {
  const { scripts, dependencies, devDependencies } = parseObject(ours) as Record<string, JsonObject>
  const standing = parseObject(theirs)
  const sections = [standing?.scripts, standing?.dependencies, standing?.devDependencies].map((value = {}) => value)
  if (standing === undefined || !sections.every(isObject)) return undefined
  const [theirScripts, ...theirDependencies] = sections as [JsonObject, JsonObject, JsonObject]

  const missing = {
    scripts: without(scripts, [theirScripts]),
    dependencies: without(dependencies, theirDependencies),
    devDependencies: without(devDependencies, theirDependencies),
  }
  const extended = { ...standing }
  for (const [name, added] of Object.entries(missing))
    if (Object.keys(added).length > 0) extended[name] = { ...(standing[name] as JsonObject), ...added }
  const notes = Object.entries(scripts ?? {})
    .filter(([name, script]) => Object.hasOwn(theirScripts, name) && theirScripts[name] !== script)
    .map(([name, script]) => `package.json keeps its own script ${name}; ours would be: ${String(script)}`)
  const changed = Object.values(missing).some((added) => Object.keys(added).length > 0)
  return { text: changed ? `${JSON.stringify(extended, null, 2)}\n` : theirs, notes }
}

function extendIgnoreFile(theirs: string, ours: string): Extension {
  const standing = theirs.split(/\r?\n/)
  const missing = ours.split('\n').filter((line) => line !== '' && !standing.includes(line))
  const separator = theirs === '' || theirs.endsWith('\n') ? '' : '\n'
  return { text: missing.length === 0 ? theirs : `${theirs}${separator}${missing.join('\n')}\n`, notes: [] }
}

function without(ours: JsonObject = {}, theirs: readonly JsonObject[]): JsonObject {
  return Object.fromEntries(Object.entries(ours).filter(([name]) => !theirs.some((list) => Object.hasOwn(list, name))))
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
