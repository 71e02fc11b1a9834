import { CLIENT_CREDENTIALS_GRANT } from '../../protocol/urns.ts'
import { secretHash } from '../../tokens/client-secret.ts'
import { named, type Client, type ClientAuth, type Configuration } from '../configuration.ts'
import { bounds, finding, HOUR, MINUTE, type GuardrailFinding } from './finding.ts'
import { ofAlgorithms, ofKeys } from './issuer.ts'
import { ofClientLogin } from './client-login.ts'
import { ofConditions } from './rule.ts'

export function ofClient(client_id: string, client: Client, configuration: Configuration): GuardrailFinding[] {
  const path = ['clients', client_id]
  return [
    ...ofKind(client, path),
    ...ofIntrospection(client, configuration, path),
    ...ofClientLogin(client, configuration, path),
    ...(client.auth === undefined ? [] : ofAuth(client.auth, configuration, [...path, 'auth'])),
  ]
}

function ofKind({ type, auth, grants, introspect }: Client, path: readonly string[]): GuardrailFinding[] {
  if ((type === 'public') !== (auth === undefined)) {
    const message =
      auth === undefined
        ? 'give it auth, or write type: public for a client that proves nothing'
        : 'a public client proves nothing: remove type, or auth'
    return [finding('client-kind', path, message)]
  }
  if (type !== 'public') return []
  return [
    ...(grants.includes(CLIENT_CREDENTIALS_GRANT)
      ? [
          finding(
            'client-kind',
            [...path, 'grants'],
            'whoever knows its name is this client: client_credentials need auth',
          ),
        ]
      : []),
    ...(introspect.length > 0
      ? [
          finding(
            'client-kind',
            [...path, 'introspect'],
            'whoever knows its name is this client: introspect needs auth',
          ),
        ]
      : []),
  ]
}

function ofIntrospection(
  { introspect }: Client,
  { targets }: Configuration,
  path: readonly string[],
): GuardrailFinding[] {
  return introspect.flatMap((name, index) => {
    const target = named(targets, name)
    const at = [...path, 'introspect', String(index)]
    if (target === undefined) return [finding('unknown-reference', at, `there is no target named ${name}`)]
    return 'role' in target ? [finding('target-kind', at, `${name} is a role: only tokens of ours are looked up`)] : []
  })
}

function ofAuth(auth: ClientAuth, configuration: Configuration, path: readonly string[]): GuardrailFinding[] {
  if (auth.kind === 'federated') return ofConditions(auth.rule, configuration, [...path, 'federated'])
  if (auth.kind === 'private_key_jwt') {
    const { signer } = auth
    const at = [...path, 'private_key_jwt']
    return [
      ...ofKeys(signer, at, configuration),
      ...ofAlgorithms(signer, at),
      ...bounds(at, signer.max_token_lifetime, [MINUTE, '1m'], [HOUR, '1h']),
      ...(signer.replay === 'once' ? [] : [finding('client-kind', at, 'an assertion of a client counts once')]),
    ]
  }
  const hashes = auth.sha256.length > 0 && auth.sha256.every((hash) => secretHash.test(hash))
  return hashes && auth.methods.length > 0
    ? []
    : [finding('client-kind', [...path, 'client_secret'], 'it has no hash of a secret, or no method to send it by')]
}
