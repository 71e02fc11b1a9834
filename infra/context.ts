import type { Node } from 'constructs'
import type { TokenBrokerProps } from './token-broker.ts'

/** Each as `broker:<key>`. Empty is the same as absent. */
export const contextKeys = [
  'config',
  'stack-name',
  'domain',
  'certificate-arn',
  'hosted-zone-id',
  'hosted-zone-name',
  'table-key',
  'metadata-concurrency',
  'token-rate',
  'token-burst',
  'ephemeral',
] as const

type ContextKey = (typeof contextKeys)[number]

/**
 * What `-c broker:<key>=<value>` and cdk.json say about this deployment: docs/deploy.md. Throws Error for a key that is
 * none of ours, since a deployment that ignores one would be another than was meant.
 */
export function propsFromContext(node: Node): TokenBrokerProps & { stackName: string } {
  const context = node.getAllContext() as Record<string, unknown>
  const unknown = Object.keys(context).find(
    (key) => key.startsWith('broker:') && !contextKeys.some((known) => key === `broker:${known}`),
  )
  if (unknown !== undefined)
    throw new Error(
      `${unknown} is no context key of ours: they are ${contextKeys.map((key) => `broker:${key}`).join(', ')}`,
    )

  const text = (key: ContextKey): string | undefined => {
    const value = context[`broker:${key}`]
    if (value === undefined || value === '') return undefined
    if (typeof value === 'string' || typeof value === 'number') return String(value)
    throw new Error(`broker:${key} must be text`)
  }
  const count = (key: ContextKey): number | undefined => {
    const value = text(key)
    if (value === undefined) return undefined
    if (!/^\d{1,6}$/.test(value)) throw new Error(`broker:${key} must be a whole number, not ${JSON.stringify(value)}`)
    return Number(value)
  }
  const together = <T>(
    one: T | undefined,
    other: T | undefined,
    keys: [ContextKey, ContextKey],
  ): [T, T] | undefined => {
    if (one !== undefined && other !== undefined) return [one, other]
    if (one === undefined && other === undefined) return undefined
    throw new Error(`broker:${keys[0]} and broker:${keys[1]} go together`)
  }

  const name = text('domain')
  const certificateArn = text('certificate-arn')
  const zone = together(text('hosted-zone-id'), text('hosted-zone-name'), ['hosted-zone-id', 'hosted-zone-name'])
  if (name === undefined && (certificateArn ?? zone) !== undefined)
    throw new Error('a certificate or a hosted zone is of no use without broker:domain')
  const throttle = together(count('token-rate'), count('token-burst'), ['token-rate', 'token-burst'])
  const tableKey = text('table-key')
  const ephemeral = text('ephemeral')
  if (ephemeral !== undefined && ephemeral !== 'true' && ephemeral !== 'false')
    throw new Error(`broker:ephemeral must be true or false, not ${JSON.stringify(ephemeral)}`)
  const metadataConcurrency = count('metadata-concurrency')
  return {
    config: text('config') ?? 'broker.yaml',
    stackName: text('stack-name') ?? 'token-broker',
    ...(name === undefined
      ? {}
      : {
          domain: {
            name,
            ...(certificateArn === undefined ? {} : { certificateArn }),
            ...(zone === undefined ? {} : { hostedZone: { id: zone[0], name: zone[1] } }),
          },
        }),
    ...(tableKey === undefined ? {} : { tableKey }),
    ...(metadataConcurrency === undefined ? {} : { metadataConcurrency }),
    ...(throttle === undefined ? {} : { throttle: { rate: throttle[0], burst: throttle[1] } }),
    ...(ephemeral === 'true' ? { ephemeral: true } : {}),
  }
}
