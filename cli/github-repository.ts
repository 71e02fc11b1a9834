/** GitHub's immutable ids, as its tokens carry them. */
export interface RepositoryIds {
  owner: string
  repository: string
}

/** The ids, or why there are none. `renamed` is what GitHub calls the repository now. */
export type Lookup = { ids: RepositoryIds } | { problem: string; renamed?: string }

export interface GitHubApi {
  url: string
  /** A token, and the environment variable that it is from. */
  token?: { value: string; variable: string }
  userAgent: string
}

const TIMEOUT_MS = 5_000
const MAX_BODY_BYTES = 1024 * 1024
const MAX_REDIRECTS = 3
const redirects: readonly number[] = [301, 302, 307, 308]

const repositoryName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,38}\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/

/** `owner/name`, in letters that GitHub gives names: nothing that leads elsewhere in a URL, a shell or a YAML comment. */
export function isRepositoryName(text: string): boolean {
  return repositoryName.test(text)
}

/** Asks GitHub's REST API. Never throws, and never repeats text of the token or of the answer. */
export async function findRepositoryIds(repository: string, api: GitHubApi): Promise<Lookup> {
  if (!isApiUrl(api.url)) return { problem: 'GITHUB_API_URL is no https URL' }
  if (api.token && !/^[\x21-\x7e]+$/.test(api.token.value))
    return { problem: `${api.token.variable} holds characters that no token has` }
  const stop = new AbortController()
  const patience = setTimeout(() => stop.abort(), TIMEOUT_MS)
  try {
    const response = await get(`${api.url.replace(/\/+$/, '')}/repos/${repository}`, api, stop.signal)
    if (response === undefined) return { problem: "GitHub's answer leads to another server, or in circles" }
    if (response.status !== 200) return { problem: refusal(response.status, repository, api) }
    return readRepository(await readBody(response), repository)
  } catch (error) {
    if (stop.signal.aborted) return { problem: `GitHub did not answer within ${TIMEOUT_MS / 1_000} s` }
    const { code } = ((error as Error).cause ?? {}) as { code?: string }
    return { problem: `GitHub could not be reached${code ? ` (${code})` : ''}` }
  } finally {
    clearTimeout(patience)
    stop.abort()
  }
}

/** A token must not cross the network in the clear. */
function isApiUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password, search, hash } = new URL(text)
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
  return (protocol === 'https:' || (protocol === 'http:' && loopback)) && !(username || password || search || hash)
}

/** GitHub redirects from an old name to a place of its own. Undefined when the way leads off its origin, where the token must not go. */
async function get(
  url: string,
  api: GitHubApi,
  signal: AbortSignal,
  redirectsLeft = MAX_REDIRECTS,
): Promise<Response | undefined> {
  const response = await fetch(url, {
    redirect: 'manual',
    signal,
    headers: {
      accept: 'application/vnd.github+json',
      'user-agent': api.userAgent,
      'x-github-api-version': '2022-11-28',
      ...(api.token ? { authorization: `Bearer ${api.token.value}` } : {}),
    },
  })
  if (!redirects.includes(response.status)) return response
  await response.body?.cancel()
  const location = response.headers.get('location') ?? ''
  if (redirectsLeft === 0 || !URL.canParse(location, url)) return undefined
  const next = new URL(location, url)
  if (next.origin !== new URL(url).origin) return undefined
  return get(next.href, api, signal, redirectsLeft - 1)
}

function refusal(status: number, repository: string, { token }: GitHubApi): string {
  const remedy = token ? `${token.variable} may not be allowed to see it` : 'if it is private, set GH_TOKEN'
  if (status === 404) return `GitHub shows no repository ${repository}: ${remedy}`
  if (status === 401) return `GitHub does not accept the token${token ? ` in ${token.variable}` : ''}`
  if (status === 403 || status === 429)
    return `GitHub refused to answer (${status}): its rate limit, or ${token ? `what ${token.variable} may do` : 'set GH_TOKEN'}`
  return `GitHub answered ${status}`
}

/** Undefined when it is larger than any description of a repository. */
async function readBody(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength
    if (length > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function readRepository(body: string | undefined, repository: string): Lookup {
  const misunderstood = { problem: "GitHub's answer describes no repository" }
  const answer = body === undefined ? undefined : parseJson(body)
  const { id, full_name, owner } = (answer ?? {}) as { id?: unknown; full_name?: unknown; owner?: { id?: unknown } }
  if (!isId(id) || !isId(owner?.id) || typeof full_name !== 'string' || !isRepositoryName(full_name))
    return misunderstood
  if (full_name.toLowerCase() !== repository.toLowerCase())
    return { problem: `${repository} has been renamed: it is ${full_name} now, if that is the one`, renamed: full_name }
  return { ids: { owner: String(owner.id), repository: String(id) } }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}
