import { shownClaim } from '../../client/token-claims.ts'
import { discoveryUrl } from '../../lib/http/discovery.ts'
import type { JsonObject } from '../../lib/protocol/strict-json.ts'
import type { TrustedIssuer } from '../../lib/tokens/trusted-issuer.ts'
import type { Condition, PresetName, UpstreamLogin } from '../../lib/trust/configuration.ts'
import { presets } from '../../lib/trust/presets.ts'
import { failed, notTried, ok, type Check } from './check.ts'
import { checkClock } from './clock.ts'
import { checkDrift } from './drift.ts'
import { documentFetcher, notFetched, type FetchDocument, type Fetched } from './fetch-document.ts'
import { checkKeys, checkKeySet } from './issuer-keys.ts'
import { checkLogin } from './partner-login.ts'
import { checkUploadedKeys } from './uploaded-keys.ts'

/** An issuer of broker.yaml, or a client that signs. */
export type Examinee = TrustedIssuer & { preset?: PresetName; require?: readonly Condition[]; login?: UpstreamLogin }

/**
 * What the broker will find when it needs this issuer's keys: asked for as it asks, from here. `written` are its keys as
 * broker.yaml has them, if it does.
 */
export async function checkIssuer(issuer: Examinee, written: readonly unknown[], local: boolean): Promise<Check[]> {
  const fetch = documentFetcher(local)
  return [
    ...(await checkTokens(issuer, written, fetch)),
    ...(issuer.login === undefined ? [] : await checkLogin(issuer.issuer, issuer.login, fetch)),
  ]
}

async function checkTokens(issuer: Examinee, written: readonly unknown[], fetch: FetchDocument): Promise<Check[]> {
  const { jwks } = issuer
  if ('keys' in jwks) {
    const { keys } = jwks.keys
    return [...checkKeys(keys, issuer.algorithms), ...(await checkUploadedKeys(issuer, keys, written, fetch))]
  }
  if ('uri' in jwks) return checkFetchedKeys(jwks.uri, issuer, fetch)
  const { check, found } = await discover(issuer, fetch)
  if (found === undefined) return [check, notTried('keys', 'it is not known where they are')]
  const { document, jwks_uri } = found
  return [check, ...(await checkFetchedKeys(jwks_uri, issuer, fetch)), ...checkDrift(document, issuer)]
}

async function discover(
  issuer: Examinee,
  fetch: FetchDocument,
): Promise<{ check: Check; found?: { document: JsonObject; jwks_uri: string } }> {
  const url = discoveryUrl(issuer.issuer)
  let document: JsonObject
  try {
    document = (await fetch(url)).document
  } catch (error) {
    return { check: notFetched('discovery', url, error) }
  }
  const { jwks_uri } = document
  if (document.issuer !== issuer.issuer) return { check: anotherIssuer(document.issuer, issuer) }
  if (typeof jwks_uri !== 'string')
    return {
      check: failed('discovery', `${url} has no jwks_uri`, 'write where the keys are: jwks: { uri: … }'),
    }
  return { check: ok('discovery', `${url} names this issuer`), found: { document, jwks_uri } }
}

function anotherIssuer(said: unknown, { issuer, preset }: Examinee): Check {
  const shapes = preset === undefined ? undefined : presets[preset].issuers
  const foreign = typeof said === 'string' && shapes?.some((shape) => shape.test(said)) === false
  return failed(
    'discovery',
    `the document names another issuer, ${shownClaim(said)}${foreign ? `, which is none of ${preset}` : ''}`,
    `issuer must be the iss of its tokens, character by character, and is ${shownClaim(issuer)}`,
  )
}

async function checkFetchedKeys(url: string, issuer: Examinee, fetch: FetchDocument): Promise<Check[]> {
  let fetched: Fetched
  try {
    fetched = await fetch(url)
  } catch (error) {
    return [notFetched('keys', url, error)]
  }
  return [...checkKeySet(fetched.document, issuer), checkClock(fetched.offset, issuer.clock_tolerance)]
}
