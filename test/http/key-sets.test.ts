import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { cachedKeySets } from '../../lib/http/key-sets.ts'
import { UnavailableError } from '../../lib/protocol/errors.ts'
import { github, keySet, kids, signal, World } from './key-sets-fixture.ts'

let world: World
beforeEach(() => {
  world = new World()
})

async function unavailable(finding: Promise<unknown>, dependency = 'issuer_keys'): Promise<void> {
  await assert.rejects(finding, (error) => error instanceof UnavailableError && error.dependency === dependency)
}

describe('memory', () => {
  test('uploaded keys are had at once', async () => {
    const keys = keySet('uploaded')
    assert.equal(await world.sandbox().find({ ...github, jwks: { keys } }, 'unknown', signal), keys)
    assert.deepEqual([world.finds, world.claims, world.fetches], [0, 0, 0])
  })

  test('a kid that is known, and no kid, cost no call for ten minutes', async () => {
    const sandbox = world.sandbox()
    await sandbox.find(github, 'a', signal)
    world.time += 599
    assert.deepEqual(kids(await sandbox.find(github, 'a', signal)), ['a'])
    assert.deepEqual(kids(await sandbox.find(github, undefined, signal)), ['a'])
    assert.deepEqual([world.finds, world.claims, world.fetches], [1, 1, 1])
    world.time += 1
    await sandbox.find(github, 'a', signal)
    assert.equal(world.fetches, 2)
  })

  test('memory is as old as the fetch, not as the read of the row', async () => {
    await world.sandbox().find(github, 'a', signal)
    world.time += 590
    const late = world.sandbox()
    await late.find(github, 'a', signal)
    assert.equal(world.fetches, 1)
    world.time += 20
    await late.find(github, 'a', signal)
    assert.equal(world.fetches, 2)
  })

  test('fifty at once in one process are one flight, whatever they ask for', async () => {
    const sandbox = world.sandbox()
    const found = await Promise.all(
      Array.from({ length: 50 }, (_, i) => sandbox.find(github, i % 2 ? 'a' : `unknown ${i}`, signal)),
    )
    for (const keys of found) assert.deepEqual(kids(keys), ['a'])
    assert.deepEqual([world.finds, world.claims, world.fetches], [1, 1, 1])
  })

  test('who shares a flight that was after another kid gets an answer of its own', async () => {
    await world.sandbox().find(github, 'a', signal)
    world.time += 60
    world.serves('a', 'b')
    const sandbox = world.sandbox()
    const [one, other] = await Promise.all([sandbox.find(github, 'a', signal), sandbox.find(github, 'b', signal)])
    assert.deepEqual([kids(one), kids(other)], [['a'], ['a', 'b']])
  })

  test('who leaves takes nobody along', async () => {
    const sandbox = world.sandbox()
    const gate = Promise.withResolvers<void>()
    world.answer = async () => {
      await gate.promise
      return { notModified: false, keys: keySet('a'), etag: undefined }
    }
    const leaving = new AbortController()
    const left = sandbox.find(github, 'a', leaving.signal)
    const stays = sandbox.find(github, 'a', signal)
    leaving.abort()
    await unavailable(left)
    gate.resolve()
    assert.deepEqual(kids(await stays), ['a'])
    world.time += 700
    await unavailable(sandbox.find(github, 'a', AbortSignal.abort()))
  })
})

describe('the shared row', () => {
  test('a cold sandbox finds what another has fetched', async () => {
    await world.sandbox().find(github, 'a', signal)
    world.time += 300
    assert.deepEqual(kids(await world.sandbox().find(github, 'a', signal)), ['a'])
    assert.deepEqual([world.claims, world.fetches], [1, 1])
  })

  test('fifty cold sandboxes at once fetch once', async () => {
    const found = await Promise.all(Array.from({ length: 50 }, () => world.sandbox().find(github, 'a', signal)))
    for (const keys of found) assert.deepEqual(kids(keys), ['a'])
    assert.equal(world.fetches, 1)
  })

  test('fifty cold sandboxes whose clocks differ by seconds fetch once', async () => {
    const found = await Promise.all(
      Array.from({ length: 50 }, (_, i) => world.sandbox({ ahead: (i % 7) - 3 }).find(github, 'a', signal)),
    )
    for (const keys of found) assert.deepEqual(kids(keys), ['a'])
    assert.equal(world.fetches, 1)
  })

  test('a row from a clock far ahead is not believed', async () => {
    await world.sandbox({ ahead: 86_400 }).find(github, 'a', signal)
    world.rows.set('github', { item: world.rows.get('github')?.item, attempted_at: undefined })
    world.serves('b')
    assert.deepEqual(kids(await world.sandbox().find(github, 'b', signal)), ['b'])
  })

  test('keys of the url that the name had before serve nobody', async () => {
    await world.sandbox().find(github, 'a', signal)
    world.time += 60
    world.serves('b')
    const moved = { ...github, issuer: 'https://other.example' }
    assert.deepEqual(kids(await world.sandbox().find(moved, 'a', signal)), ['b'])
    world.time += 60
    world.fails()
    await unavailable(world.sandbox().find(github, 'b', signal))
  })

  test('keys of the place that an issuer had before serve it no more, in the same sandbox either', async () => {
    const sandbox = world.sandbox()
    await sandbox.find(github, 'a', signal)
    world.time += 31
    const moved = { ...github, jwks: { uri: 'https://elsewhere.test/keys' } }
    world.serves('b')
    assert.deepEqual(kids(await sandbox.find(moved, 'a', signal)), ['b'])
    assert.deepEqual(kids(await sandbox.find(moved, 'b', signal)), ['b'])
  })

  test('a table that fails is unavailable', async () => {
    for (const operation of ['find', 'claimFetch'] as const) {
      world.tableFails = operation
      await unavailable(world.sandbox().find(github, 'a', signal), 'dynamodb')
    }
    assert.equal(world.fetches, 0)
  })

  test('a set that was fetched and could not be stored serves the sandbox that has it', async () => {
    world.tableFails = 'store'
    const sandbox = world.sandbox()
    assert.deepEqual(kids(await sandbox.find(github, 'a', signal)), ['a'])
    assert.deepEqual(kids(await sandbox.find(github, 'a', signal)), ['a'])
    assert.deepEqual(world.warnings, ['key_set_not_stored'])
  })
})

describe('fetching', () => {
  test('the etag is sent with the next fetch, and 304 makes the set young again', async () => {
    world.answer = async () => ({ notModified: false, keys: keySet('a'), etag: '"1"' })
    await world.sandbox().find(github, 'a', signal)
    world.time += 700
    world.answer = async () => ({ notModified: true })
    assert.deepEqual(kids(await world.sandbox().find(github, 'a', signal)), ['a'])
    assert.equal(world.rows.get('github')?.item?.fetched_at, world.time)
    world.time += 700
    await world.sandbox().find(github, 'a', signal)
    assert.deepEqual(world.etags, [undefined, '"1"', '"1"'])
  })

  test('not modified, when nothing is known, is no answer', async () => {
    world.answer = async () => ({ notModified: true })
    await unavailable(world.sandbox().find(github, 'a', signal))
  })

  test('an unknown kid is fetched for, and a new key found', async () => {
    const sandbox = world.sandbox()
    await sandbox.find(github, 'a', signal)
    world.time += 30
    world.serves('b')
    assert.deepEqual(kids(await sandbox.find(github, 'b', signal)), ['b'])
  })

  test('a key that a fetch no longer has is gone', async () => {
    const sandbox = world.sandbox()
    await sandbox.find(github, 'a', signal)
    world.time += 60
    world.serves('b')
    await sandbox.find(github, 'b', signal)
    assert.deepEqual(kids(await sandbox.find(github, 'a', signal)), ['b'])
    world.fails()
    world.time += 3_599
    await unavailable(sandbox.find(github, 'a', signal))
  })

  test('unknown kids cost one fetch in 30 s for the whole table, and no call at all in a sandbox that knows', async () => {
    const sandboxes = Array.from({ length: 10 }, () => world.sandbox())
    for (let i = 0; i < 5; i++) {
      for (const sandbox of sandboxes) assert.deepEqual(kids(await sandbox.find(github, `unknown ${i}`, signal)), ['a'])
    }
    assert.deepEqual([world.fetches, world.claims, world.finds], [1, 1, 10])
    world.time += 29
    for (const sandbox of sandboxes) await sandbox.find(github, 'unknown', signal)
    assert.deepEqual([world.fetches, world.claims, world.finds], [1, 1, 10])
    world.time += 1
    for (const sandbox of sandboxes) await sandbox.find(github, 'unknown', signal)
    assert.deepEqual([world.fetches, world.claims, world.finds], [2, 2, 20])
  })

  test('a claim is not even tried within 30 s of the last', async () => {
    world.fails()
    await unavailable(world.sandbox().find(github, 'a', signal))
    for (const later of [0, 10, 19]) {
      world.time += later
      await unavailable(world.sandbox().find(github, 'a', signal))
    }
    assert.deepEqual([world.claims, world.fetches], [1, 1])
    world.time += 1
    world.serves('a')
    assert.deepEqual(kids(await world.sandbox().find(github, 'a', signal)), ['a'])
  })
})

describe('while another fetches', () => {
  /** A sandbox that has claimed and is fetching until `arrive` is called. */
  async function fetching() {
    const gate = Promise.withResolvers<void>()
    const { answer } = world
    world.answer = async () => {
      await gate.promise
      return answer()
    }
    const winner = world.sandbox().find(github, 'b', signal)
    winner.catch(() => {})
    while (world.fetches === 0) await new Promise(setImmediate)
    return { winner, arrive: gate.resolve }
  }

  async function known() {
    await world.sandbox().find(github, 'a', signal)
    world.time += 900
    world.fetches = 0
  }

  test('keys up to an hour old serve at once, and raise no alarm', async () => {
    await known()
    world.serves('b')
    const { arrive, winner } = await fetching()
    assert.deepEqual(kids(await world.sandbox({ pause: () => assert.fail('paused') }).find(github, 'a', signal)), ['a'])
    assert.deepEqual(world.metrics, [])
    arrive()
    await winner
  })

  test('without the kid, its set is awaited', async () => {
    await known()
    world.serves('b')
    const { arrive } = await fetching()
    let pauses = 0
    const pause = async () => {
      if (++pauses === 3) arrive()
      await new Promise(setImmediate)
    }
    assert.deepEqual(kids(await world.sandbox({ pause }).find(github, 'b', signal)), ['b'])
    assert.equal(world.fetches, 1)
  })

  test('a kid that its set does not hold does not exist', async () => {
    const { arrive } = await fetching()
    const pause = async () => {
      arrive()
      await new Promise(setImmediate)
    }
    assert.deepEqual(kids(await world.sandbox({ pause }).find(github, 'unknown', signal)), ['a'])
  })

  test('it is not awaited for ever', async () => {
    await fetching()
    let pauses = 0
    const pause = async () => {
      pauses++
    }
    await unavailable(world.sandbox({ pause }).find(github, 'a', signal))
    assert.ok(pauses > 5 && pauses < 20)
  })

  test('nor beyond the request', async () => {
    await fetching()
    const pause = (signal: AbortSignal) =>
      new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    await unavailable(world.sandbox({ pause }).find(github, 'a', AbortSignal.timeout(20)))
  })

  test('the pauses between are short, jittered, and end with the request', async () => {
    const items = {
      find: async () => ({ item: undefined, attempted_at: world.time }),
      claimFetch: async () => false,
      store: async () => {},
    }
    const started = performance.now()
    await unavailable(
      cachedKeySets({ fetcher: { fetch: () => assert.fail('fetched') }, items, now: () => world.time }).find(
        github,
        'a',
        signal,
      ),
    )
    const took = performance.now() - started
    assert.ok(took > 1_200 && took < 4_000, `${took} ms`)
  })

  test('a winner that died is replaced 30 s later; until then it is stale keys or nothing, at once', async () => {
    await known()
    await fetching()
    world.time += 6
    const pause = () => assert.fail('paused')
    assert.deepEqual(kids(await world.sandbox({ pause }).find(github, 'a', signal)), ['a'])
    await unavailable(world.sandbox({ pause }).find(github, 'b', signal))
    assert.deepEqual(world.metrics, ['stale_keys_served'])
    world.time += 24
    world.serves('b')
    assert.deepEqual(kids(await world.sandbox({ pause }).find(github, 'b', signal)), ['b'])
    assert.equal(world.fetches, 2)
  })
})

describe('while the issuer is down', () => {
  test('keys up to an hour old serve, and the metric says so', async () => {
    const sandbox = world.sandbox()
    await sandbox.find(github, 'a', signal)
    world.fails()
    world.time += 3_599
    assert.deepEqual(kids(await sandbox.find(github, 'a', signal)), ['a'])
    assert.deepEqual(kids(await world.sandbox().find(github, undefined, signal)), ['a'])
    assert.deepEqual(world.metrics[0], 'stale_keys_served')
    assert.deepEqual(world.warnings.slice(0, 2), ['key_set_fetch_failed', 'stale_keys_served'])
    world.time += 1
    await unavailable(sandbox.find(github, 'a', signal))
    await unavailable(sandbox.find(github, undefined, signal))
  })

  test('an older set in the table never replaces a newer one in memory', async () => {
    const sandbox = world.sandbox()
    await sandbox.find(github, 'a', signal)
    world.serves('a', 'b')
    world.tableFails = 'store'
    world.time += 31
    assert.deepEqual(kids(await sandbox.find(github, 'b', signal)), ['a', 'b'])
    world.tableFails = ''
    world.fails()
    world.time += 601
    assert.deepEqual(kids(await sandbox.find(github, 'b', signal)), ['a', 'b'])
  })

  test('a fetch that fails replaces nothing', async () => {
    await world.sandbox().find(github, 'a', signal)
    const before = world.rows.get('github')?.item
    world.fails()
    world.time += 700
    await world.sandbox().find(github, 'a', signal)
    assert.deepEqual(world.rows.get('github')?.item, before)
  })

  test('an unknown kid is unavailable, not refused, while known ones go on', async () => {
    const sandbox = world.sandbox()
    await sandbox.find(github, 'a', signal)
    world.fails()
    world.time += 60
    await unavailable(sandbox.find(github, 'b', signal))
    const { finds } = world
    await unavailable(sandbox.find(github, 'b', signal))
    assert.equal(world.finds, finds + 1, 'nobody waits for a fetch of which he knows that it failed')
    assert.deepEqual(kids(await sandbox.find(github, 'a', signal)), ['a'])
    assert.equal(world.fetches, 2)
    assert.deepEqual(world.metrics, [])
  })

  test('without any key it is unavailable', async () => {
    world.fails()
    await unavailable(world.sandbox().find(github, 'a', signal))
    await unavailable(world.sandbox().find(github, undefined, signal))
  })

  test('an error that is no outage is not taken for one', async () => {
    world.answer = async () => {
      throw new TypeError('a mistake of ours')
    }
    await assert.rejects(world.sandbox().find(github, 'a', signal), TypeError)
  })
})
