import assert from 'node:assert/strict'
import type { RequestListener, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import {
  FetchError,
  guardedFetch,
  guardedRequest,
  type Address,
  type GuardedFetchOptions,
  type GuardedRequest,
} from '../../lib/http/guarded-fetch.ts'
import { testCertificate } from './test-certificate.ts'
import { serve } from './test-server.ts'

const signal = AbortSignal.timeout(60_000)
const v4 = (address: string): Address => ({ address, family: 4 })

async function refused(url: string, options: Partial<GuardedFetchOptions>, why: RegExp): Promise<void> {
  await assert.rejects(guardedFetch(url, { signal, ...options }), (error) => {
    assert.ok(error instanceof FetchError)
    assert.match(error.message, why)
    return true
  })
}

const insideIPv4 = [
  '127.0.0.1',
  '127.1',
  '0x7f.1',
  '0177.0.0.1',
  '2130706433',
  '0x7f000001',
  '１２７.0.0.1',
  '127。0。0。1',
  '127.0.0.1.',
  '0',
]
const moreIPv4 = ['10.0.0.1', '169.254.169.254', '0.0.0.0', '100.64.0.1', '192.168.0.1', '255.255.255.255', '224.0.0.1']
const insideIPv6 = [
  '::1',
  '0:0:0:0:0:0:0:1',
  '::',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '64:ff9b::127.0.0.1',
  '64:ff9b:1::1',
  'fc00::1',
  'fe80::1',
]
const moreIPv6 = ['2002:7f00:1::', '2001::1', 'ff02::1']
for (const host of [...insideIPv4, ...moreIPv4, ...[...insideIPv6, ...moreIPv6].map((address) => `[${address}]`)]) {
  test(`https://${host} is not connected to, nor resolved`, async () => {
    const resolve = () => assert.fail('resolved')
    const { hostname } = new URL(`https://${host}/`)
    const isThisMachine = hostname === '127.0.0.1' || hostname === '[::1]'
    for (const local of isThisMachine ? [false] : [false, true])
      await refused(`https://${host}/`, { resolve, local }, /may not be connected to/)
  })
}

test('this machine over https is for local runs, by whatever name', async (t) => {
  const port = await serve(t, (_, response) => response.end('{}'))
  // It has no TLS, so the handshake fails; that there was one is what local runs may.
  for (const host of ['127.0.0.1', '[::1]', 'suite.example'])
    await assert.rejects(
      guardedFetch(`https://${host}:${port}/`, { signal, local: true, resolve: async () => [v4('127.0.0.1')] }),
      (error) => error instanceof FetchError && !/may not be connected to/.test(error.message),
    )
  await refused(
    'https://suite.example/',
    { local: true, resolve: async () => [v4('127.0.0.1'), v4('10.0.0.1')] },
    /may not be connected to/,
  )
})

for (const [what, addresses] of [
  ['a private address', [v4('10.0.0.1')]],
  ['a public and a private address', [v4('93.184.216.34'), v4('10.0.0.1')]],
  ['a mapped address', [{ address: '::ffff:127.0.0.1', family: 6 }]],
  ['a zoned address', [{ address: 'fe80::1%lo', family: 6 }]],
] as [string, Address[]][]) {
  test(`a name with ${what} is not connected to`, async () => {
    await refused('https://issuer.example/', { resolve: async () => addresses }, /may not be connected to/)
  })
}

test('localhost by name is refused over https, and by what it resolves to', async () => {
  for (const name of ['localhost', 'localhost.', 'a.localhost'])
    await refused(`https://${name}/`, { resolve: async () => [v4('127.0.0.1')] }, /may not/)
})

test('a name without an address, or that does not resolve, is refused', async () => {
  await refused('https://issuer.example/', { resolve: async () => [] }, /no address/)
  await refused(
    'https://issuer.example/',
    { resolve: async () => Promise.reject(Object.assign(new Error('text'), { code: 'ENOTFOUND' })) },
    /^ENOTFOUND$/,
  )
})

for (const [url, why] of [
  ['http://issuer.example/', /not an https URL/],
  ['http://93.184.216.34/', /not an https URL/],
  ['ftp://issuer.example/', /not an https URL/],
  ['file:///etc/passwd', /not an https URL/],
  ['data:application/json,{}', /not an https URL/],
  ['https://user@issuer.example/', /credentials/],
  ['https://:password@issuer.example/', /credentials/],
  ['issuer.example', /not a URL/],
  ['https://', /not a URL/],
] as [string, RegExp][]) {
  test(`${url} is refused, also in local runs`, async () => {
    for (const local of [false, true]) await refused(url, { local, resolve: () => assert.fail('resolved') }, why)
  })
}

test('http on loopback is for local runs', async (t) => {
  const port = await serve(t, (_, response) => response.end('{}'))
  await refused(`http://127.0.0.1:${port}/`, {}, /not an https URL/)
  assert.equal((await guardedFetch(`http://127.0.0.1:${port}/`, { signal, local: true })).status, 200)
  assert.equal(
    (await guardedFetch(`http://localhost:${port}/`, { signal, local: true, resolve: async () => [v4('127.0.0.1')] }))
      .status,
    200,
  )
  await refused(
    `http://localhost:${port}/`,
    { local: true, resolve: async () => [v4('10.0.0.1')] },
    /may not be connected to/,
  )
  await refused(`http://127.0.0.2:${port}/`, { local: true }, /not an https URL/)
})

test('the connection goes to the address that was checked, and the name is asked for once', async (t) => {
  const tls = testCertificate('issuer.example')
  const hosts: (string | undefined)[] = []
  const port = await serve(t, (request, response) => response.end(hosts.push(request.headers.host) && '{}'), tls)
  let resolutions = 0
  const resolve = async () => (resolutions++ === 0 ? [v4('127.0.0.1')] : [v4('192.0.2.1')])
  const fetched = await guardedFetch(`https://issuer.example:${port}/`, {
    signal,
    resolve,
    permits: (address) => address === '127.0.0.1',
    ca: tls.cert,
  })
  assert.deepEqual(fetched.status === 200 && fetched.body, Buffer.from('{}'))
  assert.equal(resolutions, 1)
  assert.deepEqual(hosts, [`issuer.example:${port}`])
})

test('a certificate must be trusted and name the host, whatever the environment says', async (t) => {
  const tls = testCertificate('issuer.example')
  const port = await serve(t, (_, response) => response.end('{}'), tls)
  const options = { resolve: async () => [v4('127.0.0.1')], permits: () => true }
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED)
  await refused(`https://issuer.example:${port}/`, options, /SELF_SIGNED/)
  await refused(`https://other.example:${port}/`, { ...options, ca: tls.cert }, /ALTNAME_INVALID/)
})

/** Everything below is over http on loopback: the guard is the same after the connection. */
async function from(
  t: Parameters<typeof serve>[0],
  listener: RequestListener,
  options: Partial<GuardedFetchOptions> = {},
) {
  const port = await serve(t, listener)
  return guardedFetch(`http://127.0.0.1:${port}/`, { signal, local: true, ...options })
}

test('identity is asked for, and whose request it is', async (t) => {
  await from(t, ({ headers, method }, response) => {
    response.end()
    assert.equal(method, 'GET')
    assert.equal(headers['accept-encoding'], 'identity')
    assert.equal(headers.connection, 'close')
    assert.equal(headers['if-none-match'], undefined)
    assert.equal(headers['user-agent'], 'token-broker')
  })
})

test('an etag is sent and 304 is an answer, but only then', async (t) => {
  const listener: RequestListener = (request, response) => {
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else response.writeHead(200, { etag: '"1"' }).end('{}')
  }
  assert.deepEqual(await from(t, listener, { etag: '"1"' }), { status: 304 })
  const fetched = await from(t, listener)
  assert.equal(fetched.status === 200 && fetched.headers.etag, '"1"')
  await assert.rejects(
    from(t, (_, response) => response.writeHead(304).end()),
    /answered 304/,
  )
})

for (const status of [201, 204, 206, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503]) {
  test(`${status} is no answer, and a redirect is not followed`, async (t) => {
    let requests = 0
    const listener: RequestListener = (_, response) => {
      requests++
      response.writeHead(status, { location: '/elsewhere' }).end()
    }
    await assert.rejects(from(t, listener), new RegExp(`answered ${status}`))
    assert.equal(requests, 1)
  })
}

const limit = 256 * 1024

test('256 KiB are read, one byte more is not', async (t) => {
  const fetched = await from(t, (_, response) => response.end(Buffer.alloc(limit)))
  assert.equal(fetched.status === 200 && fetched.body.length, limit)
  await assert.rejects(
    from(t, (_, response) => response.end(Buffer.alloc(limit + 1))),
    /longer than/,
  )
})

test('300 KiB without a length, and an endless body, are cut off', async (t) => {
  await assert.rejects(
    from(t, (_, response) => {
      response.write(Buffer.alloc(150 * 1024))
      response.end(Buffer.alloc(150 * 1024))
    }),
    /longer than/,
  )
  const started = performance.now()
  await assert.rejects(
    from(t, (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16 * 1024)));
        response.once('drain', more)
      }
      more()
    }),
    /longer than/,
  )
  assert.ok(performance.now() - started < 1_500)
})

test('a content-length that promises more than comes is no answer', async (t) => {
  await assert.rejects(
    from(t, (_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{}')
      response.socket?.end()
    }),
    FetchError,
  )
})

test('a content-length that promises less than comes gives no more than it promised', async (t) => {
  const fetched = await from(t, (_, response) => {
    response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}${'x'.repeat(300 * 1024)}`)
  }).catch((error: Error) => error)
  if (fetched instanceof Error) assert.ok(fetched instanceof FetchError)
  else assert.deepEqual(fetched.status === 200 && fetched.body, Buffer.from('{}'))
})

for (const encoding of ['gzip', 'br', 'GZIP', 'identity, gzip']) {
  test(`content-encoding ${encoding} is refused unread`, async (t) => {
    await assert.rejects(
      from(t, (_, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(gzipSync(Buffer.alloc(10_000_000))),
      ),
      /encoded/,
    )
  })
}

describe('two seconds are all there are', { concurrency: true }, () => {
  test('a resolver that hangs is given up at the deadline', async () => {
    const started = performance.now()
    await refused('https://issuer.example/', { resolve: () => new Promise(() => {}) }, /no answer in time/)
    assert.ok(performance.now() - started < 2_500)
  })

  for (const [what, listener] of [
    ['says nothing', () => {}],
    [
      'drips its body',
      async (_, response) => {
        while (!response.destroyed) {
          response.write(' ')
          await setTimeout(50)
        }
      },
    ],
    [
      'drips its headers',
      async (_, response) => {
        response.socket?.write('HTTP/1.1 200 OK\r\n')
        for (let i = 0; response.socket?.writable; i++) {
          response.socket.write(`x-${i}: 1\r\n`)
          await setTimeout(50)
        }
      },
    ],
  ] as [string, RequestListener][]) {
    test(`a server that ${what} is given up after 2 s`, async (t) => {
      const started = performance.now()
      await assert.rejects(from(t, listener), /no answer in time/)
      assert.ok(performance.now() - started < 2_500)
    })
  }
})

test("the caller's own signal ends it sooner", async (t) => {
  const started = performance.now()
  await assert.rejects(
    from(t, () => {}, { signal: AbortSignal.timeout(50) }),
    /no answer in time/,
  )
  await assert.rejects(
    from(t, () => {}, { signal: AbortSignal.abort() }),
    /no answer in time/,
  )
  assert.ok(performance.now() - started < 1_000)
})

test('a refused connection, a reset one and one that is not HTTP are no answers', async (t) => {
  await refused('http://127.0.0.1:1/', { local: true }, /ECONNREFUSED/)
  await assert.rejects(
    from(t, (request) => request.socket.destroy()),
    FetchError,
  )
  await assert.rejects(
    from(t, (request) => request.socket.end('hello\r\n\r\n')),
    FetchError,
  )
  await assert.rejects(
    from(t, (request) =>
      request.socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ),
    FetchError,
  )
})

describe('a request of any kind', () => {
  const post: GuardedRequest = {
    method: 'POST',
    headers: { authorization: 'Basic dGVzdA==', 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=authorization_code&code=%C3%A4',
  }

  test('brings its method, its body and its headers, and no other encoding or name than ours', async (t) => {
    const received: unknown[] = []
    const port = await serve(t, async (request, response) => {
      const {
        authorization,
        'accept-encoding': encoding,
        'user-agent': agent,
        'content-length': length,
      } = request.headers
      const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
      received.push(request.method, request.url, authorization, encoding, agent, length, body)
      response.end('{}')
    })
    const headers = { ...post.headers, 'accept-encoding': 'gzip', 'user-agent': 'another' }
    await guardedRequest(`http://127.0.0.1:${port}/token?x=1`, { ...post, headers }, { signal, local: true })
    const body = 'grant_type=authorization_code&code=%C3%A4'
    assert.deepEqual(received, ['POST', '/token?x=1', 'Basic dGVzdA==', 'identity', 'token-broker', '41', body])
  })

  for (const status of [200, 204, 302, 304, 400, 401, 404, 500]) {
    test(`is answered with ${status}, and a redirect is not followed`, async (t) => {
      let requests = 0
      const port = await serve(t, (_, response) => {
        requests++
        response
          .writeHead(status, { location: '/', 'x-what': 'ever' })
          .end(status === 400 ? '{"error":"x"}' : undefined)
      })
      const answered = await guardedRequest(`http://127.0.0.1:${port}/`, post, { signal, local: true })
      assert.deepEqual([answered.status, answered.headers['x-what'], requests], [status, 'ever', 1])
      assert.equal(Buffer.from(answered.body).toString(), status === 400 ? '{"error":"x"}' : '')
    })
  }

  for (const [what, listener, why] of [
    [
      'compressed',
      (response) => response.writeHead(400, { 'content-encoding': 'gzip' }).end(gzipSync('{}')),
      /encoded/,
    ],
    ['too long', (response) => response.writeHead(400).end(Buffer.alloc(limit + 1)), /longer than/],
    ['none', (response) => response.socket?.destroy(), /ECONNRESET/],
  ] as [string, (response: ServerResponse) => unknown, RegExp][]) {
    test(`is refused when its answer is ${what}`, async (t) => {
      const port = await serve(t, (_, response) => void listener(response))
      await assert.rejects(guardedRequest(`http://127.0.0.1:${port}/`, post, { signal, local: true }), (error) => {
        assert.ok(error instanceof FetchError)
        assert.match(error.message, why)
        return true
      })
    })
  }

  test('goes nowhere that may not be connected to', async () => {
    for (const [url, why] of [
      ['https://169.254.169.254/token', /may not be connected to/],
      ['https://[fe80::1]/token', /may not be connected to/],
      ['http://issuer.example/token', /not an https URL/],
    ] as const)
      await assert.rejects(guardedRequest(url, post, { signal, local: true }), why)
    const resolve = async () => [v4('10.0.0.1')]
    await assert.rejects(
      guardedRequest('https://issuer.example/', post, { signal, resolve }),
      /may not be connected to/,
    )
  })

  test("ends at its caller's deadline", async (t) => {
    const deadline = new AbortController()
    const port = await serve(t, () => deadline.abort())
    await assert.rejects(
      guardedRequest(`http://127.0.0.1:${port}/`, post, { signal: deadline.signal, local: true }),
      /no answer in time/,
    )
  })
})
