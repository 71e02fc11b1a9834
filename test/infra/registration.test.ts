import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerYaml, pathOf, synthesise, withLogins, withRegistration, type Synthesised } from './synth.ts'

const synthesised = synthesise({ config: brokerYaml(withRegistration()) })
const without = synthesise({ config: brokerYaml(withLogins()) })

const ofType = ({ resources }: Synthesised, type: string) =>
  Object.values(resources).filter(({ Type }) => Type === type)
const keysOf = (synthesis: Synthesised) =>
  ofType(synthesis, 'AWS::ApiGatewayV2::Route').map(({ Properties }) => String(Properties.RouteKey))

const routes = ['ANY /register', 'ANY /register/{client_id}']

test('where clients register themselves, and only there, there are a function, two paths and two outputs for it', () => {
  const paths = (synthesis: Synthesised) => ofType(synthesis, 'AWS::Lambda::Function').map(pathOf)
  assert.deepEqual(
    paths(synthesised).filter((path) => !paths(without).includes(path)),
    ['/Registration/Function'],
  )
  assert.deepEqual(
    keysOf(synthesised).filter((key) => !keysOf(without).includes(key)),
    routes,
  )
  const names = Object.keys(synthesised.outputs).filter((name) => !(name in without.outputs))
  assert.deepEqual(names, ['BrokerRegistrationEndpoint', 'BrokerRegistrationLog'])
})

test('its paths are bounded like the others', () => {
  const settings = synthesised.at('Api/Stage').Properties.RouteSettings as Record<string, unknown>
  for (const route of routes) assert.deepEqual(settings[route], { ThrottlingRateLimit: 300, ThrottlingBurstLimit: 200 })
})

test('it knows our issuer and the table, and no key; who delivers logouts knows the table then', () => {
  const environmentOf = (path: string) => {
    const { Variables } = synthesised.at(path).Properties.Environment as { Variables: object }
    return Object.keys(Variables).toSorted()
  }
  assert.deepEqual(environmentOf('Registration/Function'), ['BROKER_ISSUER', 'BROKER_TABLE'])
  assert.deepEqual(environmentOf('Delivery/Function'), ['BROKER_ISSUER', 'BROKER_SIGNING_KEYS', 'BROKER_TABLE'])
})

test('its log is evidence, and stays', () => {
  const { DeletionPolicy, Properties } = synthesised.at('Registration/Log')
  assert.deepEqual([DeletionPolicy, Properties.RetentionInDays], ['RetainExceptOnCreate', 90])
})
