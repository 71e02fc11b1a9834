import { RemovalPolicy, Stack, Tags, Token } from 'aws-cdk-lib'
import { AttributeType, BillingMode, StreamViewType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb'
import { Key, type IKey } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import { isKmsKeyArn } from '../lib/protocol/signing-keys.ts'
import type { BrokerFunction } from './broker-function.ts'

export interface BrokerTableProps {
  /** A KMS key's ARN, or `create` for one of this stack's own. Absent: a key that AWS owns, at no cost. */
  encryptionKey?: string
}

/** Receipts, revocations, key sets and logins: docs/storage.md. It stays when the stack goes. */
export class BrokerTable extends Construct {
  readonly table: Table

  constructor(scope: Construct, id: string, { encryptionKey }: BrokerTableProps) {
    super(scope, id)
    const key = this.#key(encryptionKey)
    this.table = new Table(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      timeToLiveAttribute: 'expires_at',
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      // Not even when the deployment that made it fails: deletion protection would fail the rollback.
      removalPolicy: RemovalPolicy.RETAIN,
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
      ...(key === undefined
        ? { encryption: TableEncryption.DEFAULT }
        : { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: key }),
    })
    this.table.addGlobalSecondaryIndex({
      indexName: 'by_id',
      partitionKey: { name: 'decision_id', type: AttributeType.STRING },
    })
  }

  #key(encryptionKey: string | undefined): IKey | undefined {
    if (encryptionKey === undefined) return undefined
    if (encryptionKey === 'create') {
      const key = new Key(this, 'Key', {
        description: `token-broker ${Stack.of(this).stackName}: the table`,
        enableKeyRotation: true,
        // Always: the table is, and could not be read without it.
        removalPolicy: RemovalPolicy.RETAIN,
      })
      Tags.of(key).add('token-broker', Stack.of(this).stackName)
      return key
    }
    if (Token.isUnresolved(encryptionKey) || isKmsKeyArn(encryptionKey))
      return Key.fromKeyArn(this, 'Key', encryptionKey)
    throw new Error(`the table key must be create, or the ARN of a KMS key, not ${JSON.stringify(encryptionKey)}`)
  }

  /**
   * Lets a function do what an exchange does, and tells it where: it can write receipts and key sets, and delete nothing. Of
   * revocations it writes at most those of single tokens, which a code or a refresh token bought that comes again, and it
   * keeps refresh tokens: only where there are `logins`.
   */
  bindExchange(exchange: BrokerFunction, { logins }: { logins: boolean }): void {
    const resources = this.#bind(exchange)
    exchange.allow({ actions: ['dynamodb:GetItem', 'dynamodb:BatchGetItem'], resources })
    exchange.allow({
      actions: ['dynamodb:PutItem'],
      resources,
      conditions: logins ? under('receipt#*', 'revocation#jti#*', 'family#*') : under('receipt#*'),
    })
    exchange.allow({
      actions: ['dynamodb:UpdateItem'],
      resources,
      conditions: under('receipt#*', 'keyset#*', ...(logins ? ['family#*'] : [])),
    })
  }

  /** The same for lookups: what it puts on record is a client's proof, or that a token is revoked, with `logins` a refresh token too. */
  bindIntrospection(introspection: BrokerFunction, { logins }: { logins: boolean }): void {
    const resources = this.#bind(introspection)
    introspection.allow({ actions: ['dynamodb:GetItem', 'dynamodb:BatchGetItem'], resources })
    introspection.allow({
      actions: ['dynamodb:PutItem'],
      resources,
      conditions: under('receipt#*', 'revocation#jti#*'),
    })
    introspection.allow({
      actions: ['dynamodb:UpdateItem'],
      resources,
      conditions: under('receipt#*', 'keyset#*', ...(logins ? ['family#*'] : [])),
    })
  }

  /** For people who log in: it sees no receipt, and no code again that it wrote. */
  bindLogin(login: BrokerFunction, { registration }: { registration: boolean }): void {
    const resources = this.#bind(login)
    const allow = (action: string, ...leadingKeys: string[]) =>
      login.allow({ actions: [`dynamodb:${action}`], resources, conditions: under(...leadingKeys) })
    allow(
      'GetItem',
      'login#*',
      'session#*',
      'consent#*',
      'keyset#*',
      'upstream#*',
      ...(registration ? ['client#*'] : []),
    )
    allow('BatchGetItem', 'revocation#*')
    allow('PutItem', 'login#*', 'session#*', 'code#*', 'consent#*', 'account#*', 'upstream#*')
    allow('UpdateItem', 'session#*', 'keyset#*')
    allow('DeleteItem', 'login#*', 'session#*')
    login.allow({
      actions: ['dynamodb:Query'],
      resources: [`${this.table.tableArn}/index/by_id`],
      conditions: under('sessions#*'),
    })
  }

  /** For clients that register themselves: it sees nothing else, and knows none of their tokens. */
  bindRegistration(registration: BrokerFunction): void {
    const resources = this.#bind(registration)
    const allow = (action: string, ...leadingKeys: string[]) =>
      registration.allow({ actions: [`dynamodb:${action}`], resources, conditions: under(...leadingKeys) })
    allow('GetItem', 'client#*', 'registration#*')
    allow('PutItem', 'client#*', 'registration#*')
    allow('DeleteItem', 'client#*')
  }

  /** Lets a function that uses the table for nothing else know them. */
  bindRegisteredClients(knowing: BrokerFunction): void {
    const resources = this.#bind(knowing)
    knowing.allow({ actions: ['dynamodb:GetItem'], resources, conditions: under('client#*') })
  }

  /** For operators: it reads everything, writes revocations alone, and ends consents and, where there are `logins`, what people have of them. */
  bindAdmin(admin: BrokerFunction, { logins }: { logins: boolean }): void {
    const resources = this.#bind(admin)
    admin.allow({ actions: ['dynamodb:GetItem', 'dynamodb:Scan'], resources })
    admin.allow({ actions: ['dynamodb:Query'], resources: [`${this.table.tableArn}/index/by_id`] })
    admin.allow({ actions: ['dynamodb:PutItem'], resources, conditions: under('revocation#*') })
    admin.allow({
      actions: ['dynamodb:DeleteItem'],
      resources,
      conditions: under('consent#*', ...(logins ? ['session#*'] : [])),
    })
    if (logins) admin.allow({ actions: ['dynamodb:UpdateItem'], resources, conditions: under('family#*', 'session#*') })
  }

  /** Tells a function where the table is, and lets it through the table's own key. Returns what to allow it on. */
  #bind(bound: BrokerFunction): string[] {
    bound.setEnvironment('BROKER_TABLE', this.table.tableName)
    if (this.table.encryptionKey !== undefined) {
      // DynamoDB uses a customer-managed key with its caller's rights.
      bound.allow({
        actions: [
          'kms:Encrypt',
          'kms:Decrypt',
          'kms:ReEncryptFrom',
          'kms:ReEncryptTo',
          'kms:GenerateDataKey',
          'kms:GenerateDataKeyWithoutPlaintext',
          'kms:DescribeKey',
        ],
        resources: [this.table.encryptionKey.keyArn],
        conditions: { StringEquals: { 'kms:ViaService': `dynamodb.${Stack.of(this).region}.amazonaws.com` } },
      })
    }
    return [this.table.tableArn]
  }
}

/** Only rows whose keys begin so. ForAllValues alone is true where there are no values. */
function under(...leadingKeys: string[]) {
  return {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': leadingKeys },
    Null: { 'dynamodb:LeadingKeys': 'false' },
  }
}
