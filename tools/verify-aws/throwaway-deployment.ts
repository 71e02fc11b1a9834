import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import { contextKeys } from '../../infra/context.ts'
import { checkDeployment, type Deployment } from './check-deployment.ts'
import { throwawayIssuer } from './throwaway-issuer.ts'

export interface VerifyOptions {
  /** Runs `cdk` with these arguments in the project. Rejects when it fails. */
  cdk: (args: readonly string[]) => Promise<void>
  dynamodb: DynamoDBClient
  kms: KMSClient
  stackName: string
  /** For what is written on the way; it must exist. */
  directory: string
  say: (line: string) => void
  /** Aborted: check no more, and clean up. */
  signal: AbortSignal
}

/**
 * Deploys a broker of its own, checks it, and removes it again, whatever happened in between. Throws what the deployment or
 * a check threw, or Error with what is left to remove by hand.
 */
export async function verifyInAws(options: VerifyOptions): Promise<void> {
  const { cdk, stackName, directory, say, signal } = options
  const issuer = await throwawayIssuer()
  const [config, outputs] = [join(directory, 'broker.yaml'), join(directory, 'outputs.json')]
  writeFileSync(config, issuer.config)
  const args = ['--output', join(directory, 'cdk.out'), ...contextOf({ config, 'stack-name': stackName })]
  let deployed: ReturnType<typeof readOutputs> | undefined
  let failure: unknown
  try {
    say(`deploying ${stackName}, which takes some minutes`)
    await cdk(['deploy', '--require-approval', 'never', '--outputs-file', outputs, ...args])
    deployed = readOutputs(outputs, stackName)
    signal.throwIfAborted()
    await checkDeployment({ ...options, deployment: deployed.deployment, issuer })
  } catch (error) {
    failure = error
  }
  say(`removing ${stackName}`)
  try {
    await remove(() => cdk(['destroy', '--force', ...args]), deployed, options)
  } catch (error) {
    if (failure === undefined) throw error
    throw new Error(`${(failure as Error).message}\n${(error as Error).message}`, { cause: error })
  }
  if (failure !== undefined) throw failure as Error
}

/** Every key of ours, since cdk.json may hold those of a broker that is in use: its domain, its table key. */
function contextOf(values: Partial<Record<(typeof contextKeys)[number], string>>): string[] {
  const all = { ...values, ephemeral: 'true', 'metadata-concurrency': '0' } as typeof values
  return contextKeys.flatMap((key) => ['-c', `broker:${key}=${all[key] ?? ''}`])
}

/** The broker's outputs, without the prefix that the stack gives them. Throws when one is not there. */
function readOutputs(file: string, stackName: string): { deployment: Deployment; keys: string[] } {
  const outputs = (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>)[stackName] ?? {}
  const output = (name: string) => {
    const value = outputs[`Broker${name}`]
    if (value === undefined) throw new Error(`the stack has no output Broker${name}`)
    return value
  }
  return {
    deployment: {
      Issuer: output('Issuer'),
      TokenEndpoint: output('TokenEndpoint'),
      Jwks: output('Jwks'),
      OpenidConfiguration: output('OpenidConfiguration'),
      AuthorizationServerMetadata: output('AuthorizationServerMetadata'),
      Healthz: output('Healthz'),
      TableName: output('TableName'),
    },
    keys: output('SigningKeyArns').split(','),
  }
}

async function remove(
  destroy: () => Promise<void>,
  deployed: { deployment: Deployment; keys: string[] } | undefined,
  { dynamodb, kms, stackName, say }: VerifyOptions,
): Promise<void> {
  try {
    await destroy()
  } catch (error) {
    throw new Error(
      `${stackName} is still there, and costs money: remove it with aws cloudformation delete-stack --stack-name ${stackName} (${(error as Error).message})`,
      { cause: error },
    )
  }
  if (deployed === undefined) return
  const left = [
    ...((await tableIsThere(dynamodb, deployed.deployment.TableName))
      ? [`table ${deployed.deployment.TableName}`]
      : []),
    ...(
      await Promise.all(deployed.keys.map(async (arn) => ((await keyIsUsable(kms, arn)) ? [`key ${arn}`] : [])))
    ).flat(),
  ]
  if (left.length > 0) throw new Error(`left behind, remove it by hand: ${left.join(', ')}`)
  say('✓ nothing is left behind; the KMS keys are deleted for good in 7 days, and cost nothing until then')
}

async function tableIsThere(client: DynamoDBClient, TableName: string): Promise<boolean> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName }))).Table?.TableStatus !== 'DELETING'
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return false
    throw error
  }
}

async function keyIsUsable(client: KMSClient, KeyId: string): Promise<boolean> {
  return (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState !== 'PendingDeletion'
}
