import { CustomResource, Duration, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib'
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { keyGenerations } from '../lib/config/key-generations.ts'
import type { SigningAlgorithm } from '../lib/protocol/algorithms.ts'
import { kmsAlgorithms } from '../lib/protocol/signing-keys.ts'
import type { Configuration } from '../lib/trust/configuration.ts'
import { BrokerFunction } from './broker-function.ts'

const keySpecs: Record<SigningAlgorithm, KeySpec> = { ES256: KeySpec.ECC_NIST_P256, RS256: KeySpec.RSA_2048 }

/**
 * A KMS key for each algorithm and generation that broker.yaml names, and their public halves, read once at deployment by a
 * function that can do nothing else. A key stays in KMS when broker.yaml or the stack no longer names it, but `/jwks` has
 * those alone that are named.
 */
export class SigningKeys extends Construct {
  readonly arns: string[]
  readonly #publicKeys: string
  readonly #keys: { alg: SigningAlgorithm; arn: string }[]

  constructor(scope: Construct, id: string, signing: Configuration['signing']) {
    super(scope, id)
    const { stackName } = Stack.of(this)
    const keys = keyGenerations(signing).map(({ alg, generation, state }) => {
      const key = new Key(this, `${alg}-${generation}`, {
        keySpec: keySpecs[alg],
        keyUsage: KeyUsage.SIGN_VERIFY,
        description: `token-broker ${stackName}: signs ${alg}, generation ${generation}`,
        alias: `alias/${stackName}/${alg}/${generation}`,
        removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        // The longest there is: a key that is gone makes every token it signed worthless.
        pendingWindow: Duration.days(30),
      })
      Tags.of(key).add('token-broker', stackName)
      return { alg, state, arn: key.keyArn }
    })
    const reader = new BrokerFunction(this, 'Reader', {
      name: 'signing-keys',
      description: 'reads the public halves of the signing keys',
      // A new key, and a new right to read it, may take half a minute to be known everywhere.
      timeout: Duration.seconds(60),
    })
    reader.allow({ actions: ['kms:GetPublicKey'], resources: keys.map(({ arn }) => arn) })
    const read = new CustomResource(this, 'PublicKeys', {
      serviceToken: reader.function.functionArn,
      resourceType: 'Custom::SigningKeys',
      properties: { Keys: keys },
      // Without it a function that cannot answer holds the stack for an hour.
      serviceTimeout: Duration.minutes(5),
    })
    read.node.addDependency(reader)
    this.#publicKeys = read.getAttString('Keys')
    this.arns = keys.map(({ arn }) => arn)
    this.#keys = keys
  }

  /** Tells a function all public halves. */
  bindPublished(publisher: BrokerFunction): void {
    publisher.setEnvironment('BROKER_SIGNING_KEYS', this.#publicKeys)
  }

  /**
   * And lets it sign, only as the signer does it: a digest, by the key's one algorithm. With published keys too, though the
   * signer uses active ones alone: CloudFormation changes a role before the function, which must go on signing meanwhile.
   */
  bindSigner(signer: BrokerFunction): void {
    this.bindPublished(signer)
    this.#allowSigning(signer, this.#keys)
  }

  /** The same for these algorithms alone. */
  bindSignerOf(algorithms: readonly SigningAlgorithm[], signer: BrokerFunction): void {
    this.bindPublished(signer)
    this.#allowSigning(
      signer,
      this.#keys.filter(({ alg }) => algorithms.includes(alg)),
    )
  }

  #allowSigning(signer: BrokerFunction, keys: readonly { alg: SigningAlgorithm; arn: string }[]): void {
    for (const { alg, arn } of keys)
      signer.allow({
        actions: ['kms:Sign'],
        resources: [arn],
        conditions: { StringEquals: { 'kms:MessageType': 'DIGEST', 'kms:SigningAlgorithm': kmsAlgorithms[alg] } },
      })
  }
}
