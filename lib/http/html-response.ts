import { noStore, type Response } from './response.ts'

/**
 * A page, with what keeps others out of it. It has no Cross-Origin-Opener-Policy: an application that logs people in by a
 * popup would lose the window for good, and there is no script here that an opener could speak to.
 */
export function page(
  statusCode: number,
  { html, csp }: { html: string; csp: string },
  headers: Record<string, string> = {},
): Response {
  return {
    statusCode,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': csp,
      // For browsers that do not read frame-ancestors.
      'x-frame-options': 'DENY',
      'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
      // Spelt as @middy/http-security-headers spells them, so that each is sent once.
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      ...noStore,
      ...headers,
    },
    body: html,
  }
}
