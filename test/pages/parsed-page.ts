/** What a page of ours is made of. Text is as people read it. */
export interface Element {
  tag: string
  attributes: Readonly<Record<string, string>>
  children: (Element | string)[]
}

const withoutContent = new Set(['meta', 'link', 'img', 'input'])
const token =
  /<!doctype html>|<(?<raw>style|script)>(?<text>[\s\S]*?)<\/\k<raw>>|<\/(?<closed>[a-z0-9]+)\s*>|<(?<opened>[a-z0-9]+)(?<attributes>(?:\s+[a-z_-]+(?:="[^"<>]*")?)*)\s*(?<selfClosed>\/)?>|[^<>]+/gy

/**
 * Much stricter than a browser, which makes something of everything: every tag is closed, every value is in double quotes,
 * and nothing has `<`, `>` or `&` that is not escaped. Throws Error.
 */
export function parsePage(html: string): Element {
  const root: Element = { tag: '#document', attributes: {}, children: [] }
  const open = [root]
  let at = 0
  while (at < html.length) {
    token.lastIndex = at
    const match = token.exec(html)
    if (match === null) throw new Error(`not as we write it: ${html.slice(at, at + 60)}`)
    at = token.lastIndex
    const { raw, text = '', closed, opened, attributes = '', selfClosed } = match.groups ?? {}
    const parent = open.at(-1) as Element
    if (raw !== undefined) parent.children.push({ tag: raw, attributes: {}, children: [text] })
    else if (closed !== undefined) {
      if (open.pop()?.tag !== closed) throw new Error(`</${closed}> closes another element`)
    } else if (opened !== undefined) {
      const element: Element = { tag: opened, attributes: parseAttributes(attributes), children: [] }
      parent.children.push(element)
      if (withoutContent.has(opened) !== (selfClosed !== undefined)) throw new Error(`<${opened}> is not closed`)
      if (selfClosed === undefined) open.push(element)
    } else if (!match[0].startsWith('<!')) parent.children.push(decode(match[0]))
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)?.tag}> is not closed`)
  return root
}

function parseAttributes(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([a-z_-]+)(?:="([^"]*)")?/g)].map(([, key = '', value = '']) => [key, decode(value)])
  const attributes = Object.fromEntries(pairs) as Record<string, string>
  if (Object.keys(attributes).length !== pairs.length) throw new Error(`an attribute twice in ${text}`)
  return attributes
}

const characters = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" } as const

function decode(text: string): string {
  return text.replaceAll(/&(?:(amp|lt|gt|quot|#39);)?/g, (whole, name?: keyof typeof characters) => {
    if (name === undefined) throw new Error(`${whole} is not escaped`)
    return characters[name]
  })
}

/** In the order of the document. */
export function elementsOf(element: Element): Element[] {
  return element.children.flatMap((child) => (typeof child === 'string' ? [] : [child, ...elementsOf(child)]))
}

export function find(element: Element, wanted: (element: Element) => boolean): Element {
  const [found, ...others] = elementsOf(element).filter(wanted)
  if (found === undefined || others.length > 0) throw new Error(`${found ? 'several' : 'no'} such elements`)
  return found
}

/** The only one with this id. */
export const byId = (element: Element, id: string) => find(element, ({ attributes }) => attributes.id === id)

/** The only one, or the one at `index`. */
export function byTag(element: Element, tag: string, index?: number): Element {
  if (index === undefined) return find(element, (each) => each.tag === tag)
  const found = elementsOf(element).filter((each) => each.tag === tag)[index]
  if (found === undefined) throw new Error(`no <${tag}> at ${index}`)
  return found
}

/** With white space as a browser shows it. */
export function textOf(element: Element): string {
  return element.children
    .map((child) => (typeof child === 'string' ? child : textOf(child)))
    .join('')
    .replaceAll(/[ \n]+/g, ' ')
    .trim()
}
