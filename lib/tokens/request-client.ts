import type { VerifiedSubject } from './verify-subject-token.ts'

declare const authenticated: unique symbol

/** Known by its name alone: whoever sends the name is it. */
export interface NamedClient {
  client_id: string
  authenticated: false
}

/** Made by `asClient` alone, so that a grant to a client that has proved nothing does not compile. */
export interface AuthenticatedClient {
  readonly [authenticated]: true
  client_id: string
  authenticated: true
  /** What our tokens for the client itself call it (RFC 9068 section 2.2). No workload's `sub` is without a colon. */
  sub: string
  /** Of a federated client: whose token was its proof. */
  workload: VerifiedSubject | undefined
}

export type RequestClient = NamedClient | AuthenticatedClient
