/** What a person without script can do on a page. */
export interface HtmlPage {
  title: string
  /** All that is shown, in one line. */
  text: string
  links: readonly { id: string | undefined; href: string }[]
  forms: readonly HtmlForm[]
}

export interface HtmlForm {
  method: 'GET' | 'POST'
  /** Absent: to the page's own address. */
  action: string | undefined
  fields: readonly HtmlField[]
  buttons: readonly HtmlButton[]
  /** Whether a script would send it at once. Without one the person presses its button. */
  sendsItself: boolean
}

export interface HtmlField {
  id: string | undefined
  name: string
  value: string
  hidden: boolean
}

export interface HtmlButton {
  id: string | undefined
  name: string | undefined
  value: string
}

type Attributes = Readonly<Record<string, string>>

/** For regular pages such as ours: every form is closed, fields are inputs, and what is pressed is a button. */
export function parseHtml(source: string): HtmlPage {
  const scripts = elements(source, 'script').map(({ content }) => content)
  const markup = source.replaceAll(/<!--[\s\S]*?-->|<(script|style)\b[\s\S]*?<\/\1\s*>/gi, '')
  const sendsItself = scripts.some((script) => script.includes('.forms[0].submit()'))
  return {
    title: textOf(elements(markup, 'title')[0]?.content ?? ''),
    text: textOf(markup.replace(/<head\b[\s\S]*<\/head>/i, '')),
    links: elements(markup, 'a').flatMap(({ attributes: { id, href } }) => (href === undefined ? [] : [{ id, href }])),
    forms: elements(markup, 'form').map(({ attributes: { method, action }, content }) => ({
      method: method?.toLowerCase() === 'post' ? 'POST' : 'GET',
      action,
      fields: fieldsOf(content),
      buttons: elements(content, 'button')
        .filter(({ attributes: { type } }) => type === undefined || type === 'submit')
        .map(({ attributes: { id, name, value = '' } }) => ({ id, name, value })),
      sendsItself,
    })),
  }
}

function fieldsOf(content: string): HtmlField[] {
  const inputs = [...content.matchAll(/<input\b([^<>]*)>/gi)].map(([, attributes = '']) => attributesOf(attributes))
  return inputs
    .filter(({ type, checked }) => type !== 'checkbox' || checked !== undefined)
    .flatMap(({ id, name, value = '', type }) =>
      name === undefined ? [] : [{ id, name, value, hidden: type === 'hidden' }],
    )
}

function elements(source: string, name: string): { attributes: Attributes; content: string }[] {
  const pattern = new RegExp(`<${name}\\b((?:"[^"]*"|[^"<>])*)>([\\s\\S]*?)</${name}\\s*>`, 'gi')
  return [...source.matchAll(pattern)].map(([, attributes = '', content = '']) => ({
    attributes: attributesOf(attributes),
    content,
  }))
}

/** Values stand in double quotes, or there are none. */
function attributesOf(source: string): Attributes {
  return Object.fromEntries(
    [...source.matchAll(/([a-z][a-z-]*)(?:="([^"]*)")?/gi)].map(([, name = '', value = '']) => [
      name.toLowerCase(),
      decoded(value),
    ]),
  )
}

function textOf(markup: string): string {
  return decoded(markup.replaceAll(/<[^<>]*>/g, ' '))
    .replaceAll(/\s+/g, ' ')
    .trim()
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function decoded(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|([a-z]+));/gi, (whole, decimal?: string, hex?: string, name = '') => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    return entities[name as string] ?? whole
  })
}
