import assert from 'node:assert/strict'
import { test } from 'node:test'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { page } from '../../lib/http/html-response.ts'
import type { Response } from '../../lib/http/response.ts'
import { securityHeaders } from '../../lib/http/security-headers.ts'

const document = { html: '<!doctype html>', csp: "default-src 'none'" }

test('a page is HTML that nobody frames, sniffs or keeps', () => {
  assert.deepEqual(page(403, document, { 'x-decision-id': 'decision' }), {
    statusCode: 403,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'",
      'x-frame-options': 'DENY',
      'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'x-decision-id': 'decision',
    },
    body: '<!doctype html>',
  })
})

test('with the headers of every answer none is there twice', async () => {
  const handler = middy<APIGatewayProxyEventV2, Response>()
    .use(securityHeaders())
    .handler(async () => page(200, document))
  const { headers = {} } = await handler({} as APIGatewayProxyEventV2, {} as never)
  const names = Object.keys(headers).map((name) => name.toLowerCase())
  assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted())
  assert.equal(headers['content-security-policy'], "default-src 'none'")
  assert.equal(headers['Strict-Transport-Security'], 'max-age=63072000')
})
