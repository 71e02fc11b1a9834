import { strictness, type ReplayMode, type TrustedIssuer } from '../../tokens/trusted-issuer.ts'
import type { Issuer } from '../configuration.ts'
import { federatedRules } from '../expression.ts'
import type { Comparison } from './compare-offer.ts'
import { claimDimension, type Asked } from './cube.ts'
import type { NewAccess } from './finding.ts'
import { findGrant, logsInAt, maySpeakFor, sameIssuer } from './side.ts'
import { duration, type Gain } from './terms.ts'
import { clientAmong } from './tests-of.ts'
import { among, containing } from './value-set.ts'

/** How more tokens of an issuer that both files know are believed, or others. What its rules give is not looked at here. */
export function compareIssuer(issuer: Issuer, { before, after, budget }: Comparison): NewAccess[] {
  const old = sameIssuer(before, issuer)
  if (old === undefined) return []
  const clients = Object.keys(after.policy.configuration.clients)
  const client = clientAmong(clients.filter((id) => maySpeakFor(id, issuer.name, after)))
  const logsIn = clients.some((id) => logsInAt(id, issuer.name, after))
  const proves = federatedRules(after.policy.configuration).some(({ issuers }) => issuers.includes(issuer.name))
  const find = (...asked: Asked[]) => findGrant(after, [issuer], [client, ...asked], budget)
  const told = ({ what, certain }: Gain, example: ReturnType<typeof find>, otherwise: boolean): NewAccess[] =>
    example === undefined && !otherwise
      ? []
      : [
          {
            rules: [],
            issuer: issuer.name,
            what,
            certain: certain && example?.certain !== false,
            ...(example ? { witness: example.witness } : {}),
          },
        ]
  const path = ['aud']
  const dimension = claimDimension(path)
  const known = old.audiences ?? [before.policy.ourIssuer]
  const audiences = (issuer.audiences ?? [after.policy.ourIssuer]).filter((audience) => !known.includes(audience))
  return [
    ...loosened(old, issuer).flatMap((gain) => told(gain, find(), proves || logsIn)),
    ...audiences.flatMap((audience) =>
      told(
        { what: `tokens for ${audience} are accepted, which were not`, certain: true },
        // `aud` may be a list of one.
        find({ dimension, path, set: among([audience]).holds }) ??
          find({ dimension, path, set: containing(audience).holds }),
        proves,
      ),
    ),
  ]
}

/** How more tokens are believed than before, or others: of an issuer, or of a client that signs. */
export function loosened(before: TrustedIssuer, after: TrustedIssuer): Gain[] {
  const certain = (what: string, is: boolean): Gain[] => (is ? [{ what, certain: true }] : [])
  const added = after.algorithms.filter((alg) => !before.algorithms.includes(alg))
  return [
    ...certain(`tokens may be signed with ${added.join(', ')}`, added.length > 0),
    ...ofKeys(before.jwks, after.jwks),
    ...(JSON.stringify(after.subject) === JSON.stringify(before.subject)
      ? []
      : [{ what: 'its subjects are made of other claims, which cannot be compared', certain: false }]),
    ...certain(
      `tokens may be traded ${often[after.replay]}, and were ${often[before.replay]}`,
      strictness[after.replay] < strictness[before.replay],
    ),
    ...certain(
      `its clock may differ by ${duration(after.clock_tolerance)} instead of ${duration(before.clock_tolerance)}`,
      after.clock_tolerance > before.clock_tolerance,
    ),
    ...certain(
      `its tokens may last ${duration(after.max_token_lifetime)} instead of ${duration(before.max_token_lifetime)}`,
      after.max_token_lifetime > before.max_token_lifetime,
    ),
  ]
}

const often: Readonly<Record<ReplayMode, string>> = {
  off: 'any number of times',
  once_per_target: 'once for each target',
  once: 'once',
}

function ofKeys(before: TrustedIssuer['jwks'], after: TrustedIssuer['jwks']): Gain[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (!('keys' in before) || !('keys' in after))
    return [{ what: 'its keys come from elsewhere, and cannot be compared', certain: false }]
  const known = before.keys.keys.map((key) => JSON.stringify(key))
  const kids = before.keys.keys.map(({ kid }) => kid)
  const added = after.keys.keys.filter((key) => !known.includes(JSON.stringify(key)))
  if (added.length > 0) return [{ what: `${added.length} more keys may sign its tokens`, certain: true }]
  // A token without a kid is refused while there is a choice of keys.
  return kids.every((kid, index) => kid !== undefined && kids.indexOf(kid) === index) ||
    known.length === after.keys.keys.length
    ? []
    : [{ what: 'there are fewer keys, and tokens that name none of them may be believed now', certain: false }]
}
