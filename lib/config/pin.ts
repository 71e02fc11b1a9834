import type { JsonObject } from '../protocol/strict-json.ts'
import { claimAt, type ClaimPath } from '../tokens/claim-path.ts'
import { presets } from '../trust/presets.ts'
import type { Preset } from '../trust/presets/preset.ts'
import { toScalar, type Path } from './document.ts'
import { isEntries, type Entries } from './entries.ts'
import { readSource, type Include, type Source, type SourceFile } from './source.ts'

/** A place of broker.yaml that names what a token names. */
export interface Pinned {
  file: string
  line: number
  column: number
  /** The rule, or `require` of the issuer. */
  where: string
  key: string
  name: string
  id: string
  /**
   * `pinned`: the id is written beside it now. Else why not: another id stands there, the name is one of several, or it is
   * meant of several issuers, of which each has ids of its own.
   */
  outcome: 'pinned' | { otherId: string } | 'one_of_several' | 'of_several_issuers'
}

export interface Pinning {
  /** The files that change, each with its new text. */
  files: SourceFile[]
  places: Pinned[]
  /** Of the issuers that have the token's iss. */
  issuers: string[]
}

type Found = { place: Pinned; edit?: Edit }
type Edit = { file: string; text: string; start: number; end: number; replacement: string }

/**
 * Writes ids from a token's claims beside the names that its issuer's rules and `require` have of the same things. Nobody
 * need have verified the claims: whoever asks for it reads what is changed. `kid` is of the token's header, and says whose it is
 * where several issuers share an iss. The file need not hold otherwise. Throws
 * SyntaxError when it is no YAML that can be read.
 */
export function pinIds(root: SourceFile, claims: JsonObject, include?: Include, kid?: unknown): Pinning {
  const source = readSource(root, include)
  const [first] = source.findings
  if (first !== undefined) throw new SyntaxError(`${first.file}:${first.line}:${first.column} ${first.message}`)
  const { issuers, rules, clients } = source.value as { issuers?: unknown; rules?: unknown; clients?: unknown }
  const trusted = entriesOf(issuers).flatMap(([name, issuer]) => {
    const preset = presetOf(issuer)
    if (!preset || claims.iss !== (issuer.issuer ?? preset.issuer) || !isSignedBy(issuer, kid)) return []
    return [{ name, preset, require: issuer.require }]
  })
  const found = trusted.flatMap(({ name, preset, require }) => {
    const placesIn = (conditions: unknown, path: Path, where: string) =>
      placesOf(conditions, path, where, preset, claims, source)
    return [
      ...placesIn(require, ['issuers', name, 'require'], `require of ${name}`),
      ...entriesOf(rules).flatMap(([rule, { issuer, match }]) => {
        const names = source.issuersNamed([issuer].flat().map(String))
        if (!names.includes(name)) return []
        const places = placesIn(match, ['rules', rule, 'match'], rule)
        return names.length === 1 ? places : places.map(ofSeveral)
      }),
      ...entriesOf(clients).flatMap(([client, { auth }]) => {
        const federated = isEntries(auth) && isEntries(auth.federated) ? auth.federated : {}
        if (federated.issuer !== name) return []
        return placesIn(federated.match, ['clients', client, 'auth', 'federated', 'match'], `client ${client}`)
      }),
    ]
  })
  // A column of a row that two conditions use is written once.
  const once = [...new Map(found.map((each) => [placeKey(each), each])).values()]
  return {
    files: edited(once.flatMap(({ edit }) => (edit ? [edit] : []))),
    places: once.map(({ place }) => place),
    issuers: trusted.map(({ name }) => name),
  }
}

function presetOf(issuer: Entries): Preset | undefined {
  const { preset } = issuer
  return typeof preset === 'string' && Object.hasOwn(presets, preset)
    ? presets[preset as keyof typeof presets]
    : undefined
}

function placeKey({ place: { file, line, column } }: Found): string {
  return `${file}\0${line}\0${column}`
}

/** Of issuers that share an iss, the one that has the key of this name; without a name none of them. */
function isSignedBy({ shares_issuer, jwks }: Entries, kid: unknown): boolean {
  if (shares_issuer !== true) return true
  const keys = isEntries(jwks) && Array.isArray(jwks.keys) ? (jwks.keys as unknown[]) : []
  return keys.some((key) => isEntries(key) && key.kid !== undefined && key.kid === kid)
}

function ofSeveral({ place }: Found): Found {
  return { place: place.outcome === 'pinned' ? { ...place, outcome: 'of_several_issuers' } : place }
}

function placesOf(
  conditions: unknown,
  path: Path,
  where: string,
  preset: Preset,
  claims: JsonObject,
  source: Source,
): Found[] {
  return Object.entries(preset.ids).flatMap(([key, idKey]) => {
    const value = isEntries(conditions) && Object.hasOwn(conditions, key) ? conditions[key] : undefined
    const name = claimAt(claims, claimOf(key, preset))
    const id = claimAt(claims, claimOf(idKey, preset))
    if (value === undefined || typeof name !== 'string' || typeof id !== 'string') return []
    const items = Array.isArray(value) ? value : [value]
    return items.flatMap((item: unknown, index): Found[] => {
      const given = isEntries(item) ? item : { name: item }
      if (given.name !== name || given.id === id) return []
      const at = [...path, key, ...(Array.isArray(value) ? [index] : [])]
      const place = { ...source.placeOf(at), where, key, name, id }
      if (given.id !== undefined) return [{ place: { ...place, outcome: { otherId: JSON.stringify(given.id) } } }]
      // A list of names and ids together would be a condition on two claims.
      if (!isEntries(item) && items.length > 1) return [{ place: { ...place, outcome: 'one_of_several' } }]
      const written = source.writtenAt(at)
      if (written === undefined) return []
      // A block's range ends where the next line begins to say something.
      const end = written.start + written.text.slice(written.start, written.end).trimEnd().length
      const edit = { ...written, end, replacement: `{ name: ${toScalar(name)}, id: ${JSON.stringify(id)} }` }
      return [{ place: { ...place, outcome: 'pinned' } satisfies Pinned, edit }]
    })
  })
}

function claimOf(key: string, { aliases }: Preset): ClaimPath {
  return Object.hasOwn(aliases, key) ? (aliases[key] as ClaimPath) : [key]
}

function edited(edits: readonly Edit[]): SourceFile[] {
  const files = new Map(edits.map(({ file, text }) => [file, text]))
  // From the end, so that what comes before stays where it is.
  for (const { file, start, end, replacement } of edits.toSorted((a, b) => b.start - a.start)) {
    const text = files.get(file) as string
    files.set(file, text.slice(0, start) + replacement + text.slice(end))
  }
  return [...files].map(([file, text]) => ({ file, text }))
}

function entriesOf(value: unknown): [string, Entries][] {
  return isEntries(value)
    ? Object.entries(value).filter((entry): entry is [string, Entries] => isEntries(entry[1]))
    : []
}
