import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'

export type Response = APIGatewayProxyStructuredResultV2

/** RFC 6749 section 5.1: what holds a credential, or could, is never cached. */
export const noStore = { 'cache-control': 'no-store', pragma: 'no-cache' } as const

export function json(statusCode: number, body: unknown, headers: Record<string, string> = {}): Response {
  return { statusCode, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}
