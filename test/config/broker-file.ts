/** A broker.yaml that holds, for rows that spoil it. */
export const brokerFile = `version: 1
issuer: https://broker.test
signing:
  algorithms: [ES256, RS256]
issuers:
  farm:
    issuer: https://ci.test
  github:
    preset: github-actions
    require: { repository_owner_id: "1234567" }
  cluster:
    preset: kubernetes
    issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/ABC
targets:
  api:
    audience: https://api.test
    scopes: [read, write]
    lifetime: 15m
  plain:
    audience: https://plain.test
  deployer:
    role: arn:aws:iam::123456789012:role/deployer
    external_id: broker-acme
    lifetime: 1h
  reader:
    role: arn:aws:iam::123456789012:role/reader
    session_policy: { Version: "2012-10-17", Statement: [] }
rules:
  builds:
    issuer: farm
    match: { ref: main }
    grant:
      - { target: api, scopes: [read], claims: { commit: claims.sha } }
  deploys:
    issuer: github
    match:
      repository_id: "987654"
      event_name: [push]
    grant:
      - target: api
        scopes: [write]
  publishes:
    issuer: github
    match: { repository_id: "987654", ref: refs/heads/main }
    grant:
      - target: deployer
        session_tags: { repository: claims.repository }
        transitive_tags: [repository]
        session_policy: { Version: "2012-10-17", Statement: [] }
  reports:
    issuer: cluster
    match: { namespace: reports }
    grant:
      - { target: reader, session_tags: { pod: 'claims["kubernetes.io"].pod.name' } }
  nightly-batch:
    client: nightly
    grant:
      - { target: api, scopes: [read] }
clients:
  app: { type: public }
  nightly:
    auth: { client_secret: { sha256: [LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ] } }
    grants: [client_credentials]
  orders-api:
    auth: { private_key_jwt: { jwks: { uri: https://orders.test/jwks } } }
    introspect: [api]
  batch:
    auth: { federated: { issuer: cluster, match: { service_account_uid: "6f0c" } } }
    grants: [client_credentials, token-exchange]
receipts: { retention: 30d }
`

/** Replaces `from`, which must occur. `§` in `to` marks where a finding should point, and is taken out. */
export function spoilt(
  from: string,
  to: string,
): { text: string; place: { line: number; column: number } | undefined } {
  if (!brokerFile.includes(from)) throw new Error(`the file has no ${from}`)
  const marked = brokerFile.replace(from, () => to)
  const offset = marked.indexOf('§')
  if (offset === -1) return { text: marked, place: undefined }
  const before = marked.slice(0, offset).split('\n')
  return { text: marked.replace('§', ''), place: { line: before.length, column: before.at(-1)!.length + 1 } }
}
