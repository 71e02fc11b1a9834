import type { JsonObject } from './strict-json.ts'

/** How a client that registered itself may authenticate (RFC 7591 section 2). */
export const registrationMethods = ['none', 'private_key_jwt', 'client_secret_basic', 'client_secret_post'] as const

export type RegistrationMethod = (typeof registrationMethods)[number]

/** Ids of ours for clients that register themselves: 128 random bits behind a name that broker.yaml has for none of its own. */
const registeredId = /^reg\.[A-Za-z0-9_-]{22}$/

export function isRegisteredId(client_id: string): boolean {
  return registeredId.test(client_id)
}

/** `random`: so many random bytes, in base64url. */
export function newRegisteredId(random: (bytes: number) => string): string {
  return `reg.${random(16)}`
}

/** A client that registered itself, as it is kept. Whether it is one by what holds now, lib/trust/registered-client.ts says. */
export interface RegisteredClient {
  client_id: string
  /** base64url SHA-256 of the initial access token by which it registered. */
  registered_by: string
  /** The same of its registration access token, and of its secret where it has one. */
  management: string
  client_secret?: string
  /** As it was answered (RFC 7591 section 3.2.1), without what is said of the client itself. */
  metadata: JsonObject
  at: number
  /** When it was last changed by itself, where it was. */
  changed_at?: number
  expires_at: number
}
