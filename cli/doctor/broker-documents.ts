import { isDeepStrictEqual } from 'node:util'
import { shownClaim } from '../../client/token-claims.ts'
import { parseKeySet, type VerificationKey } from '../../lib/protocol/key-set.ts'
import { parseJsonObject, type JsonObject } from '../../lib/protocol/strict-json.ts'
import { counted } from '../revocation-text.ts'
import { answered, orUnanswered, type AskBroker, type BrokerAnswer } from './ask-broker.ts'
import { failed, notTried, ok, warning, type Check } from './check.ts'
import { listed, nameOfKey, thumbprint } from './issuer-keys.ts'

export interface Published {
  checks: Check[]
  /** What tokens of the broker can be verified with; empty when that is not known. */
  keys: readonly VerificationKey[]
  /** What its discovery says that they sign. */
  algorithms: readonly string[]
}

const endpoints = ['token_endpoint', 'jwks_uri', 'introspection_endpoint', 'revocation_endpoint']
const remedy = 'see that the URL is the broker’s issuer, and deploy again'

/** What every verifier reads of the broker at this origin: that it can, and that it fits together. */
export async function checkDocuments(broker: string, ask: AskBroker): Promise<Published> {
  let openid: JsonObject | undefined
  let keys: readonly VerificationKey[] = []
  const checks = [
    ...(await orUnanswered('discovery', async () => {
      const answer = await ask('/.well-known/openid-configuration')
      const { document, check } = checkDiscovery(answer, broker)
      openid = document
      return [check]
    })),
    ...(await orUnanswered('metadata', async () => [
      checkMetadata(await ask('/.well-known/oauth-authorization-server'), openid),
    ])),
  ]
  const algorithms = textsOf(openid?.id_token_signing_alg_values_supported)
  if (openid === undefined) checks.push(notTried('keys', 'it is not known where they are'))
  else {
    const { pathname } = new URL(String(openid.jwks_uri))
    const ofKeys = await orUnanswered('keys', async () => {
      const answer = await ask(pathname)
      const found = await checkPublishedKeys(answer, algorithms)
      keys = found.keys
      return [found.check, checkCaching(answer)]
    })
    checks.push(...ofKeys)
  }
  return { checks, keys, algorithms }
}

/** OpenID Connect Discovery 1.0 section 4.3; and nobody is to be sent elsewhere. */
function checkDiscovery(answer: BrokerAnswer, broker: string): { check: Check; document?: JsonObject } {
  const document = documentIn(answer)
  if (typeof document === 'string') return { check: failed('discovery', document, remedy) }
  if (document.issuer !== broker)
    return {
      check: failed(
        'discovery',
        `it names the issuer ${shownClaim(document.issuer)}`,
        `verifiers look for ${shownClaim(broker)}: ask that URL, or put it into broker.yaml as issuer`,
      ),
    }
  const strays = endpoints.filter((name) => originOf(document[name]) !== broker)
  if (strays.length > 0)
    return { check: failed('discovery', `not on the broker's own origin: ${strays.join(', ')}`, remedy) }
  return { check: ok('discovery', 'it names this issuer, and endpoints of its own'), document }
}

/** RFC 8414 section 3: the two are read by different people, and must say the same. */
function checkMetadata(answer: BrokerAnswer, openid: JsonObject | undefined): Check {
  const document = documentIn(answer)
  if (typeof document === 'string') return failed('metadata', document, remedy)
  if (openid === undefined) return notTried('metadata', 'there is no discovery document to compare it with')
  const different = Object.keys(document).filter((name) => !isDeepStrictEqual(document[name], openid[name]))
  if (!Object.hasOwn(document, 'issuer')) different.push('issuer')
  if (different.length === 0) return ok('metadata', 'RFC 8414’s document says the same')
  const seen = `RFC 8414’s document says something else than discovery: ${listed(different.map(shownClaim))}`
  return failed('metadata', seen, 'both are made of one broker.yaml: see what answers in between, and deploy again')
}

async function checkPublishedKeys(
  answer: BrokerAnswer,
  algorithms: readonly string[],
): Promise<{ check: Check; keys: readonly VerificationKey[] }> {
  const wrong = (seen: string) => ({ check: failed('keys', seen, 'no such key is of KMS: deploy again'), keys: [] })
  const document = documentIn(answer)
  if (typeof document === 'string') return wrong(document)
  let keys: readonly VerificationKey[]
  try {
    keys = parseKeySet(document).keys
  } catch (error) {
    return wrong((error as SyntaxError).message)
  }
  const unusable = (document.keys as unknown[]).length - keys.length
  if (unusable > 0) return wrong(`${unusable} of its keys cannot be used`)
  const thumbprints = await Promise.all(keys.map(thumbprint))
  const misnamed = keys.filter(({ kid }, index) => kid !== thumbprints[index])
  if (misnamed.length > 0) return wrong(`not called by its thumbprint (RFC 7638): ${listed(misnamed.map(nameOfKey))}`)
  const algs = keys.map(({ jwk }) => String(jwk.alg))
  const apart = [...algorithms.filter((alg) => !algs.includes(alg)), ...algs.filter((alg) => !algorithms.includes(alg))]
  if (apart.length > 0) return wrong(`discovery and keys differ in algorithms: ${listed(apart.map(shownClaim))}`)
  const names = keys.map((key) => `${String(key.jwk.alg)} ${nameOfKey(key)}`)
  return { check: ok('keys', `${counted(keys.length, 'key')}: ${listed(names)}`), keys }
}

/** So that not every token that somebody verifies is a request to us, and keys outlive an outage. */
function checkCaching({ headers }: BrokerAnswer): Check {
  const said = headers.get('cache-control')
  const seconds = Number(/(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/.exec(said ?? '')?.[1])
  if (seconds > 0 && !/no-store|no-cache|private/.test(said ?? '')) return ok('caching', `keys are kept ${seconds} s`)
  const seen = `/jwks has Cache-Control ${shownClaim(said ?? undefined)}`
  return warning('caching', seen, 'the broker itself says public, max-age=300: see what answers in between')
}

function documentIn(answer: BrokerAnswer): JsonObject | string {
  if (answer.status !== 200) return answered(answer)
  try {
    return parseJsonObject(answer.text)
  } catch (error) {
    return (error as SyntaxError).message
  }
}

function originOf(value: unknown): string | undefined {
  return typeof value === 'string' && URL.canParse(value) ? new URL(value).origin : undefined
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}
