import {
  ConditionalCheckFailedException,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb'

export type Item = Record<string, AttributeValue>

interface Names {
  ExpressionAttributeNames?: Record<string, string> | undefined
  ExpressionAttributeValues?: Item | undefined
}

/**
 * A DynamoDB table in memory, for as many conditional expressions as receipts.ts uses. Each command is carried out whole
 * and at once: when, is for `network` to say. races.test.ts holds it against a table that speaks the protocol.
 */
export class MemoryTable {
  readonly rows = new Map<string, Item>()

  apply(command: object): { Item?: Item } {
    if (command instanceof GetItemCommand) {
      const item = this.rows.get(keyOf(command.input.Key))
      return item === undefined ? {} : { Item: item }
    }
    if (command instanceof PutItemCommand) {
      const { Item: item = {}, ConditionExpression = '' } = command.input
      this.check(keyOf(item), ConditionExpression, command.input)
      this.rows.set(keyOf(item), item)
      return {}
    }
    if (command instanceof UpdateItemCommand) {
      const { Key = {}, UpdateExpression = '', ConditionExpression = '' } = command.input
      this.check(keyOf(Key), ConditionExpression, command.input)
      const assignments = UpdateExpression.replace(/^SET /, '').split(', ')
      const changes = assignments.map((text) => {
        const [path = '', value = ''] = text.split(' = ')
        return [nameOf(path, command.input), valueOf(value, command.input)] as const
      })
      this.rows.set(keyOf(Key), { ...this.rows.get(keyOf(Key)), ...Key, ...Object.fromEntries(changes) })
      return {}
    }
    throw new TypeError(`no such command here: ${command.constructor.name}`)
  }

  private check(pk: string, expression: string, names: Names): void {
    const item = this.rows.get(pk) ?? {}
    const holds = expression
      .split(' OR ')
      .some((all) => all.split(' AND ').every((comparison) => compare(comparison, item, names)))
    if (!holds) throw new ConditionalCheckFailedException({ message: '', $metadata: { httpStatusCode: 400 } })
  }

  /** A client whose every request goes through `network`, which has it carried out when and as often as it likes. */
  client(network: (command: object, carryOut: () => { Item?: Item }) => Promise<unknown>): DynamoDBClient {
    const send = (command: object) => network(command, () => this.apply(command))
    return { send } as unknown as DynamoDBClient
  }
}

function compare(text: string, item: Item, names: Names): boolean {
  const absent = /^attribute_not_exists\((.+)\)$/.exec(text)
  if (absent) return item[nameOf(absent[1]!, names)] === undefined
  const [, path, operator, value] = /^(\S+) (=|<) (:\w+)$/.exec(text) ?? []
  if (path === undefined || value === undefined) throw new SyntaxError(`no such condition here: ${text}`)
  const [left, right] = [item[nameOf(path, names)], valueOf(value, names)]
  // An absent attribute, or one of another type, compares with nothing.
  if (left?.N !== undefined && right.N !== undefined)
    return operator === '=' ? Number(left.N) === Number(right.N) : Number(left.N) < Number(right.N)
  if (left?.S !== undefined && right.S !== undefined && operator === '=') return left.S === right.S
  return false
}

function nameOf(path: string, { ExpressionAttributeNames }: Names): string {
  const name = path.startsWith('#') ? ExpressionAttributeNames?.[path] : path
  if (name === undefined) throw new SyntaxError(`${path} is not named`)
  return name
}

function valueOf(placeholder: string, { ExpressionAttributeValues }: Names): AttributeValue {
  const value = ExpressionAttributeValues?.[placeholder]
  if (value === undefined) throw new SyntaxError(`${placeholder} has no value`)
  return value
}

function keyOf(item: Item | undefined): string {
  return item?.pk?.S ?? ''
}
