import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type {
  Account,
  Authentication,
  AuthorizationCode,
  Consent,
  PendingLogin,
  RefreshFamily,
  Session,
} from '../../lib/ports.ts'
import { randomUUID } from 'node:crypto'
import { now } from './receipt.ts'
import { openTestTable } from './test-table.ts'

/** A store by itself, for a contract that every adapter keeps. */
export interface Opened<Store> {
  store: Store
  close(): Promise<void>
}

export type Open<Store> = () => Promise<Opened<Store>>

export function inTable<Store>(adapter: (client: DynamoDBClient, table: string) => Store): Open<Store> {
  return async () => {
    const world = await openTestTable()
    return { store: adapter(world.client, world.table), close: () => world.close() }
  }
}

/** As deep as a token's claims may be: 16 with what holds them. */
const deep = JSON.parse(`${'['.repeat(15)}1${']'.repeat(15)}`) as unknown

export function authentication(changes: Partial<Authentication> = {}): Authentication {
  return {
    sid: 'sid-1',
    issuer_name: 'acme-partner',
    subject: 'person#1',
    sub: 'acme-partner:person#1',
    claims: JSON.parse('{"__proto__":"own","sub":"person#1","n":1e21,"none":null,"é":"\\ud83d\\ude00"}') as never,
    hash: 'hash-1',
    identity: { name: 'Ana', address: { country: 'PT' }, nested: deep },
    acr: [],
    expires_at: now + 86_400,
    ...changes,
  }
}

/** With everything that may be left out. */
export function wholeAuthentication(): Authentication {
  return authentication({
    claims: { deep },
    jti: 'jti-1',
    auth_time: now - 60,
    acr: ['urn:acme:mfa'],
    amr: ['pwd', 'otp'],
  })
}

export function pendingLogin(changes: Partial<PendingLogin> = {}): PendingLogin {
  return {
    id: randomUUID(),
    browser: 'browser-1',
    request: 'client_id=web&state=%C3%A9',
    at: now,
    expires_at: now + 600,
    ...changes,
  }
}

export function session(changes: Partial<Session> = {}): Session {
  return {
    key: randomUUID(),
    authentication: authentication(),
    login_id: 'login-1',
    clients: [],
    at: now,
    seen_at: now,
    expires_at: now + 28_800,
    ...changes,
  }
}

export function code(changes: Partial<AuthorizationCode> = {}): AuthorizationCode {
  return {
    key: randomUUID(),
    client_id: 'web',
    redirect_uri: 'https://app.example/cb',
    scopes: ['openid'],
    claims: { id_token: [], userinfo: [] },
    acr_values: [],
    authentication: authentication(),
    at: now,
    expires_at: now + 60,
    ...changes,
  }
}

/** With everything that may be left out. */
export function wholeCode(): AuthorizationCode {
  return code({
    code_challenge: 'challenge-1',
    nonce: '',
    scopes: ['openid', 'email'],
    target: { resource: ['https://orders.acme.dev'], scope: ['orders:read'] },
    claims: { id_token: ['email'], userinfo: ['name', 'email'] },
    acr_values: ['urn:acme:mfa', 'urn:acme:pwd'],
    authentication: wholeAuthentication(),
  })
}

export function family(changes: Partial<RefreshFamily> = {}): RefreshFamily {
  return {
    id: randomUUID(),
    holder: 'holder-1',
    current: 'hash-1',
    client_id: 'web',
    scopes: ['openid', 'offline_access'],
    claims: { id_token: [], userinfo: [] },
    acr_values: [],
    authentication: authentication(),
    at: now,
    ends_at: now + 86_400,
    expires_at: now + 3_600,
    ...changes,
  }
}

/** With everything that may be left out. */
export function wholeFamily(): RefreshFamily {
  const { target, claims, acr_values, authentication } = wholeCode()
  return family({
    ...(target === undefined ? {} : { target }),
    claims,
    acr_values,
    authentication,
    rotation: { previous: 'hash-0', successor: 'sealed-1', at: now - 1 },
    revoked_at: now,
  })
}

export function consent(changes: Partial<Consent> = {}): Consent {
  return {
    client_id: 'web',
    sub: `acme-partner:${randomUUID()}`,
    scopes: ['openid', 'email'],
    at: now,
    expires_at: now + 86_400,
    ...changes,
  }
}

export function account(changes: Partial<Account> = {}): Account {
  return {
    sub: `acme-partner:${randomUUID()}`,
    identity: { name: 'Ana', email_verified: true },
    at: now,
    expires_at: now + 86_400,
    ...changes,
  }
}
