import { TokenBrokerError } from '../../client/errors.ts'
import type { SubjectTokenSource } from '../../client/subject-token.ts'
import { keyGenerations } from '../../lib/config/key-generations.ts'
import { named, type Configuration } from '../../lib/trust/configuration.ts'
import { counted } from '../revocation-text.ts'
import { answered, brokerAsker, orUnanswered, type BrokerAnswer } from './ask-broker.ts'
import { checkDocuments, type Published } from './broker-documents.ts'
import { checkCertificate } from './certificate.ts'
import { failed, notTried, ok, warning, type Check } from './check.ts'
import { checkClock } from './clock.ts'
import { checkExchange } from './exchange.ts'
import { checkRefusals } from './refusals.ts'

export interface Deployed {
  /** Its origin. */
  broker: string
  /** A token to trade, or why there is none. */
  source: SubjectTokenSource | string
  target: string | undefined
  /** What should be deployed there, if that is known. */
  configuration: Configuration | undefined
}

/** In seconds: what most broker.yaml have, and issuers of ours too. */
const TOLERANCE = 60
/** For a token of the job's own. */
const PATIENCE = 30_000

/** That the broker at this URL answers, fits together, refuses what it must, and issues what it should. */
export async function checkBroker({
  broker,
  source,
  target,
  configuration,
}: Deployed): Promise<Pick<Published, 'checks' | 'keys'>> {
  const ask = brokerAsker(broker)
  let health: BrokerAnswer | undefined
  const first = await orUnanswered('healthz', async () => [checkHealth((health = await ask('/healthz')))])
  if (health === undefined) return { checks: [...first, notTried('the rest', 'nobody answers')], keys: [] }
  const published = await checkDocuments(broker, ask)
  const { token, checks: ofSource } = await findToken(source)
  const checks = [
    ...first,
    checkHeaders(health),
    checkClock(health.offset, TOLERANCE),
    await checkCertificate(broker),
    ...published.checks,
    ...(configuration === undefined ? [] : [checkDeployment(broker, configuration, published)]),
    ...(await checkRefusals(broker, ask, token)),
    ...ofSource,
    ...(token === undefined
      ? []
      : await checkExchange(
          {
            broker,
            subject_token: token,
            target,
            audience: audienceOf(target, configuration),
            keys: published.keys,
            offset: health.offset ?? 0,
          },
          ask,
        )),
  ]
  return { checks, keys: published.keys }
}

function checkHealth(answer: BrokerAnswer): Check {
  if (answer.status === 200 && answer.body?.status === 'ok') return ok('healthz', 'it is ready')
  return failed(
    'healthz',
    answered(answer),
    'see that this is the URL of a token-broker, and the log of its metadata function',
  )
}

/** As lib/http/security-headers.ts sets them on every answer. */
const expected: readonly [string, RegExp][] = [
  ['strict-transport-security', /max-age=[1-9]/],
  ['x-content-type-options', /^nosniff$/],
  ['referrer-policy', /^no-referrer$/],
]

function checkHeaders({ headers }: BrokerAnswer): Check {
  const missing = expected.filter(([name, value]) => !value.test(headers.get(name) ?? '')).map(([name]) => name)
  if (missing.length === 0) return ok('headers', expected.map(([name]) => name).join(', '))
  const seen = `not as the broker sends them: ${missing.join(', ')}`
  return warning('headers', seen, 'see what answers in between, and let it pass them on')
}

/** As far as anybody can tell from outside. */
function checkDeployment(broker: string, { issuer, signing }: Configuration, { keys, algorithms }: Published): Check {
  const wanted = keyGenerations(signing).length
  const differences = [
    ...(issuer === 'auto' || issuer === broker ? [] : [`its issuer is ${issuer}`]),
    ...(signing.algorithms.join() === algorithms.join() ? [] : [`it signs with ${signing.algorithms.join(', ')}`]),
    ...(wanted === keys.length ? [] : [`it asks for ${counted(wanted, 'signing key')}`]),
  ]
  if (differences.length === 0) return ok('deployment', 'issuer, algorithms and number of keys are as in broker.yaml')
  return failed(
    'deployment',
    `broker.yaml is another: ${differences.join(', ')}`,
    'deploy it, or give the one that is deployed',
  )
}

async function findToken(source: Deployed['source']): Promise<{ token?: string; checks: Check[] }> {
  if (typeof source === 'string') return { checks: [notTried('exchange', source)] }
  try {
    return { token: await source.token(PATIENCE), checks: [] }
  } catch (error) {
    if (!(error instanceof TokenBrokerError)) throw error
    return { checks: [failed('exchange', error.message, 'give a token of an issuer that broker.yaml trusts')] }
  }
}

function audienceOf(target: string | undefined, configuration: Configuration | undefined): string | undefined {
  if (target === undefined || configuration === undefined) return undefined
  const settings = named(configuration.targets, target)
  return settings !== undefined && 'audience' in settings ? settings.audience : undefined
}
