import { TokenBrokerError } from '../../client/errors.ts'
import { parseJsonObject } from '../../client/json-object.ts'
import { request } from '../../client/request.ts'
import type { SigningAlgorithm } from '../../lib/protocol/algorithms.ts'
import { awsSigner, type Signed } from '../aws-signer.ts'
import { notTried, ok, warning, type Check } from './check.ts'

/** In milliseconds. */
const timeout = 5_000
/** What docs/deploy.md says of both: 20 sandboxes are reserved, if 100 stay unreserved; /token is let through 300 times a second. */
const needed = { concurrency: 120, signatures: 300 }
/** KMS has some hundred quotas, and a page has 100. */
const MAX_PAGES = 5

const quotaNames: Readonly<Record<SigningAlgorithm, string>> = {
  ES256: 'Cryptographic operations (ECC) request rate',
  RS256: 'Cryptographic operations (RSA) request rate',
}

/** The account's limits that a broker meets first. Lambda and Service Quotas are asked by hand: two questions are no reason for two SDKs. */
export async function checkQuotas(region: string, algorithms: readonly SigningAlgorithm[]): Promise<Check[]> {
  return [await checkConcurrency(region), ...(await checkSignatures(region, algorithms))]
}

/** Lambda API reference, GetAccountSettings. */
async function checkConcurrency(region: string): Promise<Check> {
  const check = 'concurrency'
  const answer = await ask('lambda', region, '/2016-08-19/account-settings/', { method: 'GET', headers: {} })
  if (typeof answer === 'string') return notTried(check, answer)
  const { ConcurrentExecutions: limit } = (answer.AccountLimit ?? {}) as { ConcurrentExecutions?: unknown }
  if (typeof limit !== 'number') return notTried(check, 'Lambda does not say')
  const seen = `Lambda runs ${limit} at once in this account`
  if (limit >= needed.concurrency) return ok(check, seen)
  return warning(
    check,
    seen,
    `below ${needed.concurrency} a deployment fails: have the quota raised, or deploy with -c broker:metadata-concurrency=0`,
  )
}

/** Service Quotas API reference, ListServiceQuotas: by name, as the codes differ and are not in KMS's own pages. */
async function checkSignatures(region: string, algorithms: readonly SigningAlgorithm[]): Promise<Check[]> {
  const quotas = new Map<unknown, unknown>()
  let NextToken: unknown
  for (let page = 0; page < MAX_PAGES && (page === 0 || NextToken !== undefined); page++) {
    const answer = await ask('servicequotas', region, '/', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'ServiceQuotasV20190624.ListServiceQuotas',
      },
      body: JSON.stringify({ ServiceCode: 'kms', MaxResults: 100, ...(NextToken === undefined ? {} : { NextToken }) }),
    })
    if (typeof answer === 'string') return [notTried('signatures', answer)]
    for (const quota of Array.isArray(answer.Quotas) ? (answer.Quotas as unknown[]) : []) {
      const { QuotaName, Value } = (quota ?? {}) as { QuotaName?: unknown; Value?: unknown }
      quotas.set(QuotaName, Value)
    }
    NextToken = answer.NextToken ?? undefined
  }
  return algorithms.map((alg) => {
    const limit = quotas.get(quotaNames[alg])
    if (typeof limit !== 'number') return notTried('signatures', `Service Quotas does not say for ${alg}`)
    const seen = `KMS signs ${limit} times a second by ${alg}, for all of this account`
    if (limit >= needed.signatures) return ok('signatures', seen)
    return warning(
      'signatures',
      seen,
      `/token is let through ${needed.signatures} times: have the quota raised, or deploy with a lower broker:token-rate`,
    )
  })
}

const endpoints = { lambda: 'AWS_ENDPOINT_URL_LAMBDA', servicequotas: 'AWS_ENDPOINT_URL_SERVICE_QUOTAS' } as const

/** What it answers, or why not. */
async function ask(
  service: keyof typeof endpoints,
  region: string,
  path: string,
  unsigned: Signed,
): Promise<Record<string, unknown> | string> {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const endpoint =
    process.env[endpoints[service]] || process.env.AWS_ENDPOINT_URL || `https://${service}.${region}.${domain}`
  const url = new URL(path, endpoint).href
  try {
    const signed = await (await awsSigner(service, region)).sign(url, unsigned)
    const { status, text } = await request(url, { name: service, timeout, ...signed })
    const body = parseJsonObject(text)
    return status === 200 && body !== undefined ? body : `${service} answered ${status}`
  } catch (error) {
    if (error instanceof TokenBrokerError) return error.message
    throw error
  }
}
