import type { BlackBox } from './broker-fixture.ts'

/** An answer whose body is not read as JSON: it may be a JWT, or nothing. */
export interface TextAnswer {
  status: number
  headers: Headers
  text: string
}

/** POST of a form to a path of this broker. A field that is undefined is left out. */
export async function postTo(
  box: BlackBox,
  path: '/introspect' | '/revoke',
  fields: Record<string, string | undefined>,
  headers: Record<string, string> = {},
): Promise<TextAnswer> {
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const response = await fetch(box.broker.url + path, {
    method: 'POST',
    body: new URLSearchParams(given),
    headers,
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** An access token of ours, for deploy-api: of a job of acme/web, unless `fields` say otherwise. */
export async function accessToken(
  box: BlackBox,
  fields: Record<string, string | undefined> = {},
  headers?: Record<string, string>,
): Promise<string> {
  const { body } = await box.exchange(fields, headers)
  if (typeof body.access_token !== 'string') throw new Error(`nothing was issued: ${JSON.stringify(body)}`)
  return body.access_token
}

/** All of an answer that may not differ: but for when it was given, and under which id. */
export function face({ status, headers, text }: TextAnswer): unknown {
  const id = headers.get('x-decision-id') ?? 'none'
  const constant = [...headers].filter(([name]) => name !== 'date' && name !== 'x-decision-id')
  return [status, constant, text.replace(id, '')]
}

export function json({ text }: TextAnswer): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>
}
