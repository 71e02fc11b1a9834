import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compile } from '../../lib/config/compile.ts'
import { quickstartConfig } from '../../local/quickstart.ts'

// That it logs people in is for test/browser/spa.browser.ts to see.
const read = (name: string) => readFileSync(new URL(`../../examples/spa/${name}`, import.meta.url), 'utf8')
const script = read('app.js')
const setting = (name: string) => new RegExp(`^ {2}${name}: '([^']*)'`, 'm').exec(script)?.[1] ?? ''

test('its settings are those that the broker of npm start knows', () => {
  const { text, file } = quickstartConfig('http://127.0.0.1:8788')
  const { configuration } = compile(text, file, { local: true, now: 0 })
  assert.equal(setting('authority'), configuration.issuer)
  const { login, allowed_origins = [] } = configuration.clients[setting('client_id')] ?? {}
  assert.deepEqual(login?.redirect_uris, [`${allowed_origins[0]}/`])
  assert.match(script, /redirect_uri: here/)
  const target = Object.values(configuration.targets).find(
    (each) => 'audience' in each && each.audience === setting('resource'),
  )
  const known = [...(login?.scopes ?? []), ...(target && 'scopes' in target ? target.scopes : [])]
  assert.deepEqual(
    setting('scope')
      .split(' ')
      .filter((scope) => !known.includes(scope)),
    [],
  )
})

test('the page asks no other server for anything', () => {
  assert.doesNotMatch(read('index.html'), /(?:src|href)="(?:https?:)?\/\/|https?:/)
  assert.doesNotMatch(script, /innerHTML|insertAdjacentHTML|document\.write|import\(/)
})
