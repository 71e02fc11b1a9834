import { TOKEN_EXCHANGE_GRANT } from '../../protocol/urns.ts'
import type { VerifiedSubject } from '../../tokens/verify-subject-token.ts'
import { admitClient } from '../admit-client.ts'
import {
  named,
  uriOf,
  type Client,
  type ClientAuth,
  type FederatedAuth,
  type Issuer,
  type Target,
} from '../configuration.ts'
import { everything, outside, whereAll } from './cube.ts'
import { loosened } from './compare-issuer.ts'
import type { Comparison } from './compare-offer.ts'
import type { NewAccess } from './finding.ts'
import {
  decideForClient,
  findGrant,
  grantedBy,
  mayAsk,
  sameIssuer,
  scopesOf,
  termsGranted,
  toWitness,
  type Side,
  type Witness,
} from './side.ts'
import { gainsOf, type Gain } from './terms.ts'
import { clientIs, testsOf } from './tests-of.ts'

type ClientGain = Gain & { witness?: Witness }

/** How a client of the new file goes beyond the same one of the old: how it proves itself, and what it may do then. */
export function compareClient(id: string, comparison: Comparison): NewAccess[] {
  const { before, after } = comparison
  const client = after.policy.configuration.clients[id] as Client
  const old = named(before.policy.configuration.clients, id)
  const exchange = mayAsk(id, TOKEN_EXCHANGE_GRANT, after) ? grantTo(id, comparison) : undefined
  const exchangedBefore = mayAsk(id, TOKEN_EXCHANGE_GRANT, before)
  const own = forItself(id, comparison)
  const uses = exchange !== undefined || own.granted || client.introspect.length > 0 || client.login !== undefined
  return [
    ...(exchange === undefined || exchangedBefore
      ? []
      : [
          {
            rules: [exchange.offer.rule.name],
            client: id,
            target: exchange.offer.grant.target,
            what: 'this client may exchange tokens, which it could not',
            certain: exchange.certain,
            witness: exchange.witness,
          },
        ]),
    ...own.findings,
    ...lookups(id, comparison),
    ...(old && uses ? proofs(client, old, comparison).map((gain) => ({ rules: [], client: id, ...gain })) : []),
  ]
}

function grantTo(id: string, { after, budget }: Comparison) {
  const issuers = Object.values(after.policy.configuration.issuers)
  return findGrant(after, issuers, [clientIs(id)], budget)
}

/** What it gets by client_credentials: it says nothing, so there is one question for each target, as long as no rule ends. */
function forItself(id: string, { before, after }: Comparison): { granted: boolean; findings: NewAccess[] } {
  const rules = [before, after].flatMap(({ policy }) => policy.clientRules.get(id) ?? [])
  const ends = rules.flatMap(({ expires_at }) =>
    expires_at !== undefined && expires_at > after.now ? [expires_at] : [],
  )
  const names = new Set(
    (after.policy.clientRules.get(id) ?? []).flatMap(({ grant }) => grant.map(({ target }) => target)),
  )
  let granted = false
  const findings: NewAccess[] = []
  for (const target of names) {
    const uri = uriOf(after.policy.configuration.targets[target] as Target)
    for (const at of [after.now, ...new Set(ends)]) {
      const given = grantedBy(decideForClient(id, uri, at, after))
      if (given === undefined) continue
      granted = true
      const earlier = grantedBy(decideForClient(id, uri, at, before))
      const scopes = scopesOf(given).filter((scope) => !scopesOf(earlier).includes(scope))
      const gains = [
        ...(earlier === undefined || scopes.length > 0
          ? [
              {
                what: `${scopes.length > 0 ? `scope ${scopes.join(' ')}` : 'it'} is granted to the client itself, which was not`,
                certain: true,
              },
            ]
          : []),
        ...(earlier === undefined ? [] : gainsOf(termsGranted(earlier, before), termsGranted(given, after))),
      ]
      if (gains.length === 0) continue
      const what = gains.map(({ what }) => what).join('; ')
      findings.push({ rules: given.rules, client: id, target, what, certain: gains.some(({ certain }) => certain) })
      break
    }
  }
  return { granted, findings }
}

function lookups(id: string, { before, after }: Comparison): NewAccess[] {
  const seen = (side: Side) => {
    const { clients, targets } = side.policy.configuration
    return (named(clients, id)?.introspect ?? []).map((target) => [target, uriOf(targets[target] as Target)] as const)
  }
  const known = seen(before).map(([, uri]) => uri)
  return seen(after)
    .filter(([, uri]) => !known.includes(uri))
    .map(([target]) => ({
      rules: [],
      client: id,
      target,
      what: 'this client may look up its tokens, which it could not',
      certain: true,
    }))
}

/** Who may be this client that could not. */
function proofs(after: Client, before: Client, comparison: Comparison): ClientGain[] {
  // Everybody could.
  if (before.auth === undefined) return []
  if (after.auth === undefined)
    return [{ what: 'whoever knows its name is this client, which had to prove itself', certain: true }]
  return ofAuth(after.auth, before.auth, comparison)
}

function ofAuth(after: ClientAuth, before: ClientAuth, comparison: Comparison): ClientGain[] {
  if (after.kind === 'client_secret' && before.kind === 'client_secret') {
    const methods = after.methods.filter((method) => !before.methods.includes(method))
    return [
      ...(after.sha256.every((hash) => before.sha256.includes(hash))
        ? []
        : [{ what: 'another secret proves this client', certain: true }]),
      ...(methods.length > 0 ? [{ what: `its secret may also come by ${methods.join(', ')}`, certain: true }] : []),
    ]
  }
  if (after.kind === 'private_key_jwt' && before.kind === 'private_key_jwt')
    return [
      ...loosened(before.signer, after.signer),
      ...(after.token_endpoint_audience && !before.token_endpoint_audience
        ? [{ what: 'its assertions may also be for the token endpoint', certain: true }]
        : []),
    ]
  if (after.kind === 'federated' && before.kind === 'federated') return newWorkloads(after, before, comparison)
  return [{ what: `this client proves itself by ${after.kind} instead of ${before.kind}`, certain: true }]
}

/** Workloads that are this client by the new file alone. */
function newWorkloads(auth: FederatedAuth, known: FederatedAuth, { before, after, budget }: Comparison): ClientGain[] {
  const issuer = after.policy.configuration.issuers[auth.rule.issuers[0] as string] as Issuer
  const same = known.rule.issuers[0] === issuer.name ? sameIssuer(before, issuer) : undefined
  const start = whereAll(everything(after.now), testsOf(auth.rule, issuer))
  if (start === undefined) return []
  let found: ClientGain | undefined
  let doubtful: ClientGain | undefined
  outside(
    start,
    same === undefined ? [] : [testsOf(known.rule, same)],
    (rest) => {
      const witness = toWitness(rest, issuer, after.now)
      const subject = { issuer, claims: witness.claims } as unknown as VerifiedSubject
      const admitted = admitClient(auth, subject, after.policy, after.now) === undefined
      const certain =
        admitted && (same === undefined || admitClient(known, subject, before.policy, after.now) !== undefined)
      if (certain) found = { what: 'other workloads are this client', certain, witness }
      doubtful ??= { what: 'other workloads may be this client: what CEL makes of claims is not compared', certain }
      return certain
    },
    budget,
  )
  return [found ?? doubtful].filter((gain) => gain !== undefined)
}
