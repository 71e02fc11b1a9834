import { exportJWK, generateKeyPair } from 'jose'
import { parseClientMetadata, type ClientMetadata } from '../../lib/protocol/client-registration.ts'
import { RefusedError } from '../../lib/protocol/errors.ts'
import type { RegisteredClient } from '../../lib/protocol/registered-client.ts'
import type { JsonObject } from '../../lib/protocol/strict-json.ts'
import type { Client, Registration } from '../../lib/trust/configuration.ts'
import { decideRegistration } from '../../lib/trust/registered-client.ts'
import { withRegistration } from './guardrails-fixture.ts'

/** A policy under which every part may be had, but for what a test takes away. */
export function registrationPolicy(changes: Partial<Registration> = {}, local = false) {
  const configuration = withRegistration({
    grants: ['authorization_code', 'refresh_token'],
    auth: ['none', 'private_key_jwt', 'client_secret_basic', 'client_secret_post'],
    scopes: ['openid', 'email', 'offline_access'],
    ...changes,
  })
  return { configuration: { ...configuration, local }, ourIssuer: 'https://broker.app.test' }
}

export type RegistrationPolicy = ReturnType<typeof registrationPolicy>

export const client_id = `reg.${'c'.repeat(22)}`

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
export const publicJwk = { ...(await exportJWK(publicKey)), kid: 'k1', use: 'sig', alg: 'ES256' }
export const privateJwk = { ...(await exportJWK(privateKey)), kid: 'k1' }

/** A request that nothing is wrong with, with these members over it; undefined leaves one out. */
export function request(changes: JsonObject = {}): JsonObject {
  const all = { redirect_uris: ['https://app.test/cb'], token_endpoint_auth_method: 'none', ...changes }
  return JSON.parse(JSON.stringify(all)) as JsonObject
}

export function kept(changes: Partial<RegisteredClient> = {}, asked: JsonObject = {}): RegisteredClient {
  return {
    client_id,
    registered_by: 'x'.repeat(43),
    management: 'm'.repeat(43),
    metadata: { ...request(asked), scope: 'openid' },
    at: 1_000,
    expires_at: 1_000 + 86_400,
    ...changes,
  }
}

export type Told = { client: Client; metadata: ClientMetadata } | { told: string }

/** The client, or what is said of it: `<code's member>: detail`. */
export function registered(asked: JsonObject, policy: RegistrationPolicy = registrationPolicy()): Told {
  try {
    const decided = decideRegistration(parseClientMetadata(asked), kept({ client_secret: 's'.repeat(43) }), policy)
    return 'client' in decided ? decided : { told: toText(decided.refused) }
  } catch (error) {
    if (error instanceof RefusedError) return { told: toText(error.refusal) }
    throw error
  }
}

function toText(refusal: RefusedError['refusal']): string {
  return 'member' in refusal ? `${refusal.reason} ${refusal.member}: ${refusal.detail}` : refusal.reason
}
