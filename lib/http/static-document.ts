import { createHash } from 'node:crypto'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { header, method, refuseOtherMethods } from './request.ts'
import type { Response } from './response.ts'

/** A JSON document that any origin may read and cache: serialised and tagged once, at init. */
export interface StaticDocument {
  body: string
  etag: string
}

export function staticDocument(value: unknown): StaticDocument {
  const body = JSON.stringify(value)
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` }
}

const caching = {
  'cache-control': 'public, max-age=300, stale-if-error=86400',
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'etag',
} as const

const allow = 'GET, HEAD, OPTIONS'

/** GET, HEAD and a CORS preflight, with conditional requests (RFC 9110 section 13.1.2). Throws RefusedError for any other method. */
export function answerStatic(document: StaticDocument, event: APIGatewayProxyEventV2): Response {
  const verb = method(event)
  if (verb === 'OPTIONS') {
    return {
      statusCode: 204,
      headers: {
        ...caching,
        allow,
        'access-control-allow-methods': allow,
        'access-control-allow-headers': '*',
        'access-control-max-age': '86400',
      },
    }
  }
  refuseOtherMethods(event, allow)
  const headers = { ...caching, etag: document.etag }
  if (fits(header(event, 'if-none-match'), document.etag)) return { statusCode: 304, headers }
  return {
    statusCode: 200,
    headers: { ...headers, 'content-type': 'application/json' },
    ...(verb === 'GET' ? { body: document.body } : {}),
  }
}

/** Weak comparison (RFC 9110 section 8.8.3.2): a proxy that compressed the body has made the tag weak. */
function fits(condition: string | undefined, etag: string): boolean {
  if (condition === undefined) return false
  return condition.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}
