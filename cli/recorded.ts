import type { Receipt } from '../lib/ports.ts'
import { toClaims, toName, toPath, type ClaimPath } from '../lib/tokens/claim-path.ts'
import type { Policy } from '../lib/trust/policy.ts'
import type { KnownClaims, Recorded } from '../lib/trust/replay.ts'

/** What a receipt tells of its exchange. Of the policies, the one that decided says which claims were looked for. */
export function toRecorded(receipt: Receipt, policies: readonly Policy[]): Recorded {
  const { iss, issuer_name, sub, client_id, grant_type, target } = receipt
  return {
    iss,
    issuer_name: policies.some((policy) => isShared(iss, policy)) ? issuer_name : undefined,
    // No client's name is a sub with a colon in it; who asked for itself is its own client.
    client_id: iss !== undefined && client_id === sub ? undefined : client_id,
    grant_type,
    target,
    known: knownClaims(receipt, policies),
  }
}

function isShared(iss: string | undefined, { issuers }: Policy): boolean {
  const known = iss === undefined ? undefined : issuers.get(iss)
  return known !== undefined && !('name' in known)
}

/** What is not on record is absent only if it was looked for, and had room. */
function knownClaims(
  { claims, claims_left_out = [], config_hash, issuer_name = '' }: Receipt,
  policies: readonly Policy[],
): KnownClaims {
  const recorded = Object.entries(claims).map(([name, value]) => [toPath(name), value] as const)
  const decided = policies.find(({ configuration }) => configuration.hash === config_hash)
  const lookedFor = (decided?.namedClaims.get(issuer_name) ?? []).filter(
    (path) => !claims_left_out.includes(toName(path)),
  )
  const known = [...recorded.map(([path]) => path), ...lookedFor]
  return { claims: toClaims(recorded), knows: (path) => known.some((outer) => contains(outer, path)) }
}

function contains(outer: ClaimPath, path: ClaimPath): boolean {
  return outer.length <= path.length && outer.every((name, index) => path[index] === name)
}
