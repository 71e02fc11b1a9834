import { createServer } from 'node:http'
import { after, before } from 'node:test'
import { close, listen } from '../../local/loopback.ts'

export interface IdTokenEndpoint {
  /** What a job has with `id-token: write`. */
  env(): Record<string, string>
  /** The audiences that were asked for, and the tokens that were given. */
  audiences: string[]
  tokens: string[]
  /** Instead of a token. */
  answer: { status: number; body: string } | undefined
}

const requestToken = 'of-this-job-alone'

/** Stands for GitHub's token endpoint: `sign` makes a token for an audience. */
export function idTokenEndpoint(sign: (audience: string) => Promise<string>): IdTokenEndpoint {
  let url: string
  const endpoint: IdTokenEndpoint = {
    env: () => ({
      ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    }),
    audiences: [],
    tokens: [],
    answer: undefined,
  }
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://github.test')
    if (request.headers.authorization !== `Bearer ${requestToken}` || searchParams.get('api-version') !== '2.0')
      response.writeHead(401).end()
    else if (endpoint.answer) response.writeHead(endpoint.answer.status).end(endpoint.answer.body)
    else void giveToken(searchParams.get('audience') ?? '').then((value) => response.end(JSON.stringify({ value })))
  })
  async function giveToken(audience: string): Promise<string> {
    const token = await sign(audience)
    endpoint.audiences.push(audience)
    endpoint.tokens.push(token)
    return token
  }
  before(async () => {
    url = await listen(server, 0)
  })
  after(() => close(server))
  return endpoint
}
