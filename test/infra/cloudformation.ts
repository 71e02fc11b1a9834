/** A template in JSON: intrinsic functions spelled out. */
export interface CloudFormationTemplate {
  Parameters: Record<string, { Type: string; Default?: string; AllowedPattern?: string }>
  Conditions: Record<string, unknown>
  Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>
}

/** Everything that is not a parameter, as CloudFormation calls it. */
export const pseudoParameters = { 'AWS::Partition': 'aws', 'AWS::AccountId': '444455556666' }

type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

/**
 * A resource's properties as CloudFormation would make them of these parameters. Knows the intrinsic functions of our own
 * templates, and throws for any other, for a parameter that is missing, and for one that its pattern refuses.
 */
export function resolveProperties(
  template: CloudFormationTemplate,
  resource: string,
  given: Readonly<Record<string, string>>,
  pseudo: Readonly<Record<string, string>> = pseudoParameters,
): Record<string, Json> {
  const values: Record<string, Json> = { ...pseudo }
  for (const [name, { Type, Default, AllowedPattern = '.*' }] of Object.entries(template.Parameters)) {
    const text = given[name] ?? Default
    if (text === undefined) throw new Error(`the parameter ${name} has no value`)
    const list = Type === 'CommaDelimitedList' ? text.split(',').map((part) => part.trim()) : [text]
    for (const value of list)
      if (!new RegExp(AllowedPattern).test(value)) throw new Error(`the parameter ${name} cannot be ${value}`)
    values[name] = Type === 'CommaDelimitedList' ? list : text
  }
  return object(resolve(template.Resources[resource]?.Properties as Json))

  function resolve(value: Json | undefined): Json | undefined {
    if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== undefined)
    if (typeof value !== 'object' || value === null) return value
    const [[name, argument] = [], ...others] = Object.entries(value)
    if (others.length === 0 && name !== undefined && (name.startsWith('Fn::') || name === 'Ref'))
      return intrinsic(name, argument as Json)
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) => {
        const resolved = resolve(item)
        return resolved === undefined ? [] : [[key, resolved]]
      }),
    )
  }

  function intrinsic(name: string, argument: Json): Json | undefined {
    switch (name) {
      case 'Ref':
        return argument === 'AWS::NoValue' ? undefined : valueOf(argument as string)
      case 'Fn::Sub': {
        const [text, variables = {}] = [argument].flat() as [string, Json?]
        const own = object(resolve(variables))
        return text.replaceAll(/\$\{([^}]+)\}/g, (_, key: string) => (own[key] as string) ?? valueOf(key))
      }
      case 'Fn::If': {
        const [condition, then, otherwise] = argument as [string, Json, Json]
        return resolve(holds(template.Conditions[condition] as Json) ? then : otherwise)
      }
      case 'Fn::Join': {
        const [separator, list] = argument as [string, Json]
        return (resolve(list) as string[]).join(separator)
      }
      case 'Fn::Split': {
        const [separator, text] = argument as [string, Json]
        return (resolve(text) as string).split(separator)
      }
      case 'Fn::Select': {
        const [index, list] = argument as [number, Json]
        return (resolve(list) as Json[])[index]
      }
      default:
        throw new Error(`${name} is not known here`)
    }
  }

  function holds(condition: Json): boolean {
    const { 'Fn::Not': not, 'Fn::Equals': equals } = object(condition)
    if (not !== undefined) return !holds((not as Json[])[0] as Json)
    if (equals === undefined) throw new Error(`no condition: ${JSON.stringify(condition)}`)
    const [one, other] = (equals as Json[]).map(resolve)
    return one === other
  }

  function valueOf(name: string): Json {
    const value = values[name]
    if (value === undefined) throw new Error(`there is no parameter ${name}`)
    return value
  }
}

function object(value: Json | undefined): Record<string, Json> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`no object: ${JSON.stringify(value)}`)
  return value
}
