import { isRegistered } from '../../protocol/redirect-uri.ts'
import { canonicalJson } from '../../protocol/canonical-json.ts'
import type { VerifiedSubject } from '../../tokens/verify-subject-token.ts'
import {
  isRefreshable,
  named,
  type Client,
  type ClientLogin,
  type Issuer,
  type Rule,
  type UpstreamLogin,
} from '../configuration.ts'
import { decideLogin } from '../decide-login.ts'
import type { Policy } from '../policy.ts'
import type { Comparison } from './compare-offer.ts'
import { everything, outside, whereAll } from './cube.ts'
import { withOneRegistered } from './compare-registration.ts'
import type { NewAccess } from './finding.ts'
import { logsInAt, sameIssuer, toWitness, type Side, type Witness } from './side.ts'
import { duration, type Gain } from './terms.ts'
import { testsOf } from './tests-of.ts'

/** Who may log in to a client of the new file, and could not, and what it may do with that. */
export function compareClientLogin(id: string, { before, after }: Comparison): NewAccess[] {
  const { clients, issuers } = after.policy.configuration
  const client = clients[id] as Client
  const old = named(before.policy.configuration.clients, id)
  const gained = (client.login?.issuers ?? []).filter(
    (name) => sameIssuer(before, issuers[name] as Issuer)?.login === undefined || !logsInAt(id, name, before),
  )
  const gains = [
    ...(old === undefined ? [] : scriptsOf(old, client)),
    ...(old?.login && client.login ? loosenedLogin(old.login, client.login) : []),
    ...(old?.login && client.login ? longerSessions(before, after) : []),
    ...(old?.login && client.login ? moreRefreshing(old, client, before, after) : []),
  ]
  return [
    ...gained.map((issuer) => ({
      rules: [],
      client: id,
      issuer,
      what: 'its people may log in to this client, which they could not',
      certain: true,
    })),
    ...gains.map((what) => ({ rules: [], client: id, what, certain: true })),
  ]
}

function scriptsOf({ allowed_origins: before = [] }: Client, { allowed_origins: after = [] }: Client): string[] {
  const added = after.filter((origin) => !before.includes(origin))
  return added.length === 0 ? [] : [`scripts of ${added.join(', ')} may call us, which they could not`]
}

/** How much people are asked. */
const strictness: Readonly<Record<ClientLogin['consent'], number>> = { never: 0, first_time: 1, always: 2 }
const asked: Readonly<Record<ClientLogin['consent'], string>> = {
  never: 'never',
  first_time: 'once',
  always: 'each time',
}

function loosenedLogin(before: ClientLogin, after: ClientLogin): string[] {
  const uris = after.redirect_uris.filter((uri) => !isRegistered(uri, before.redirect_uris))
  const scopes = after.scopes.filter((scope) => !before.scopes.includes(scope))
  return [
    ...(uris.length > 0 ? [`codes may go to ${uris.join(', ')}, which they did not`] : []),
    ...(scopes.length > 0 ? [`it may have scope ${scopes.join(' ')}, which it could not`] : []),
    ...(strictness[after.consent] < strictness[before.consent]
      ? [`people are asked for consent ${asked[after.consent]}, and were ${asked[before.consent]}`]
      : []),
    ...(before.require_pkce && !after.require_pkce ? ['its codes need no PKCE any more'] : []),
  ]
}

function longerSessions(before: Side, after: Side): string[] {
  const [old, new_] = [before, after].map(({ policy }) => policy.configuration.login.session)
  return (['idle', 'absolute'] as const).flatMap((key) => {
    const [was, is] = [old?.[key] ?? 0, new_?.[key] ?? 0]
    return is > was ? [`people stay logged in for ${duration(is)} (${key}) instead of ${duration(was)}`] : []
  })
}

/** Where it is not new as a whole, which says more. */
function moreRefreshing(old: Client, client: Client, before: Side, after: Side): string[] {
  if (!isRefreshable(client)) return []
  if (!isRefreshable(old)) return ['it may refresh tokens while people are away, which it could not']
  const [was, is] = [before, after].map(({ policy }) => policy.configuration.login.refresh_tokens)
  const longer = (key: 'idle' | 'absolute' | 'reuse_window') => (is?.[key] ?? 0) > (was?.[key] ?? 0)
  return [
    ...(['idle', 'absolute'] as const)
      .filter(longer)
      .map(
        (key) =>
          `tokens are refreshed for ${duration(is?.[key] ?? 0)} (${key}) instead of ${duration(was?.[key] ?? 0)}`,
      ),
    ...(longer('reuse_window')
      ? [
          `a used refresh token still works for ${duration(is?.reuse_window ?? 0)} instead of ${duration(was?.reuse_window ?? 0)}`,
        ]
      : []),
  ]
}

/** How more people log in at an issuer than before, or more is believed of them, by the clients of both files. */
export function compareUpstream(issuer: Issuer, comparison: Comparison): NewAccess[] {
  const [before, after] = [withOneRegistered(comparison.before), withOneRegistered(comparison.after)]
  const old = sameIssuer(before, issuer)
  const client_id = Object.keys(after.policy.configuration.clients).find((id) =>
    [before, after].every((side) => logsInAt(id, issuer.name, side)),
  )
  if (!old?.login || !issuer.login || client_id === undefined) return []
  const gains: (Gain & { witness?: Witness })[] = [
    ...otherPeople(issuer, old, client_id, { ...comparison, before, after }),
    ...believedMore(old.login, issuer.login),
  ]
  return gains.map((gain) => ({ rules: [], issuer: issuer.name, ...gain }))
}

function believedMore(before: UpstreamLogin, after: UpstreamLogin): Gain[] {
  const certain = (what: string) => ({ what, certain: true })
  const added = Object.keys(after.claims).filter((claim) => !Object.hasOwn(before.claims, claim))
  const changed = Object.entries(after.claims).flatMap(([claim, expression]) => {
    const was = named(before.claims, claim)
    return was === undefined || canonicalJson(was) === canonicalJson(expression) ? [] : [claim]
  })
  return [
    ...(after.client_id === before.client_id
      ? []
      : [certain(`ID tokens for ${after.client_id} are believed, and were for ${before.client_id}`)]),
    ...Object.entries(after.acr).flatMap(([ours, theirs]) => {
      const known = named(before.acr, ours) ?? []
      const more = theirs.filter((value) => !known.includes(value))
      return more.length === 0 ? [] : [certain(`a login by ${more.join(', ')} counts as ${ours}, which it did not`)]
    }),
    ...(added.length === 0 ? [] : [certain(`clients may learn ${added.join(', ')}, which they could not`)]),
    ...(changed.length === 0
      ? []
      : [
          { what: `${changed.join(', ')} of people is made of other claims, which cannot be compared`, certain: false },
        ]),
    ...moreDomains(before, after),
  ]
}

/** An issuer that names domains speaks for addresses of those alone. */
function moreDomains({ domains: before }: UpstreamLogin, { domains: after, claims }: UpstreamLogin): Gain[] {
  if (before.length === 0 || !Object.hasOwn(claims, 'email_verified')) return []
  const added = after.filter((domain) => !before.includes(domain))
  const whose = after.length === 0 ? 'any domain' : added.join(', ')
  return whose === '' ? [] : [{ what: `addresses of ${whose} count as verified, which did not`, certain: true }]
}

/** Whoever is admitted by no condition but the issuer's own. */
const anybody: Rule = { name: '', issuers: [], match: [], mode: 'enforce', grant: [] }

function otherPeople(
  issuer: Issuer,
  old: Issuer,
  client_id: string,
  { before, after, budget }: Comparison,
): (Gain & { witness: Witness })[] {
  const start = whereAll(everything(after.now), testsOf(anybody, issuer))
  if (start === undefined) return []
  let witness: Witness | undefined
  outside(
    start,
    [testsOf(anybody, old)],
    (rest) => {
      const seen = { ...toWitness(rest, issuer, after.now), client_id }
      if (mayLogIn(seen, issuer, after.policy) && !mayLogIn(seen, old, before.policy)) witness = seen
      return witness !== undefined
    },
    budget,
  )
  return witness === undefined ? [] : [{ what: 'other people may log in there', certain: true, witness }]
}

/** What the broker itself would decide. */
function mayLogIn({ claims, client_id = '' }: Witness, issuer: Issuer, policy: Policy): boolean {
  // Nobody has verified it, and nothing is issued for it.
  const subject = { issuer, claims } as unknown as VerifiedSubject
  return 'granted' in decideLogin({ subject, client_id, scopes: [] }, policy)
}
