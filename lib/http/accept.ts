interface MediaRange {
  /** `type/subtype`, in lower case; either may be `*`. */
  type: string
  q: number
}

const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+$/
/** `name=value` or nothing; a quoted value with a comma or semicolon in it is nobody's. */
const parameter = /^(?:[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"[^"\\]*"))?$/
const weight = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

/**
 * True when Accept (RFC 9110 section 12.5.1) names the media type `special` itself, and does not put `usual` before it or
 * beside it. Whoever says nothing of both, or cannot be understood, is answered as usual.
 */
export function prefers(accept: string | undefined, special: string, usual: string): boolean {
  const ranges = parseAccept(accept ?? '')
  const named = ranges.find(({ type }) => type === special)
  if (named === undefined || named.q === 0) return false
  // The most specific range that takes it says how much it is liked.
  const other = [usual, usual.replace(/\/.*/, '/*'), '*/*']
    .map((wanted) => ranges.find(({ type }) => type === wanted))
    .find((range) => range !== undefined)
  if (other === undefined || other.q !== named.q) return named.q > (other?.q ?? 0)
  return other.type !== usual
}

/** Empty when anything in it is malformed. Parameters of a media type tell no representation of ours from another. */
function parseAccept(accept: string): MediaRange[] {
  const ranges: MediaRange[] = []
  for (const element of accept.split(',')) {
    if (element.trim() === '') continue
    const [type = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase())
    const q = parameters.find((text) => text.startsWith('q='))?.slice(2) ?? '1'
    if (!mediaType.test(type) || !parameters.every((text) => parameter.test(text)) || !weight.test(q)) return []
    ranges.push({ type, q: Number(q) })
  }
  return ranges
}
