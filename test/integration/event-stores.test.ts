import { afterAll, afterEach, beforeAll, describe, expect, test as whole } from 'vitest'
import { systemClock } from '../../src/model/clock.ts'
import { openEventProvider } from '../../src/log/open.ts'
import type { LogEntry } from '../../src/model/state/event-log.ts'
import type { EventProvider } from '../../src/model/state/event-provider.ts'
import { startDatabase } from '../support/events/database-server.ts'
import type { DatabaseServer, ServerKind } from '../support/events/database-server.ts'
import { checkKept, PostingProcess } from '../support/events/kills.ts'
import { describeLog } from '../support/events/log-contract.ts'
import { entriesOf, ids, newEvent, newEvents, NOW, placesOf, post } from '../support/events/new-event.ts'
import type { ProviderSetup } from '../support/events/new-event.ts'
import { documentedPromises, measurePromises } from '../support/events/promises.ts'
import { inForm, inTurns } from '../support/forms.ts'
import { serverStore } from '../support/events/tested-stores.ts'
import { describeIndex, describePosting, describeRetention } from '../support/events/provider-contract.ts'

/** Of one dialect: in the short form they share its tests. PostgreSQL has all. */
const OF_MYSQL: readonly ServerKind[] = ['MySQL', 'MySQL 8.0', 'MariaDB']
const sharing = inTurns(OF_MYSQL)
const ofVersions = inTurns(['MySQL', 'MySQL 8.0'])
const LIVES = inForm({ short: 2, long: 3 })

describe.each([...OF_MYSQL, 'PostgreSQL'] as const)('events on %s', (kind) => {
  const test = kind === 'PostgreSQL' ? whole : sharing(kind)
  let server: DatabaseServer
  const opened: EventProvider[] = []

  beforeAll(async () => {
    server = await startDatabase(kind)
  })
  afterAll(() => server[Symbol.asyncDispose]())
  afterEach(async () => {
    for (const provider of opened.splice(0)) await provider.close()
  })

  async function open(url: string, { now, ...setup }: ProviderSetup & { readonly name?: string } = {}) {
    const clock = now === undefined ? systemClock : { ...systemClock, now }
    const provider = await openEventProvider(url, { name: 'test', ...setup, clock })
    opened.push(provider)
    return provider
  }
  const openNew = async (setup?: ProviderSetup) => open(await server.create(), setup)

  describeLog(openNew, test)
  describePosting(openNew, test)
  describeIndex(openNew, test)
  describeRetention(openNew, test)

  // The table has one column for both versions of MySQL.
  const described = kind === 'MySQL' || kind === 'MySQL 8.0' ? ofVersions(kind) : whole
  described('docs/event-stores.md says what it promises', async () => {
    const store = serverStore(server)
    expect(await measurePromises(store)).toEqual(documentedPromises(store.column))
  })

  test('several that start at once make the tables once, and share them', async () => {
    const url = await server.create()
    const providers = await Promise.all([1, 2, 3, 4].map((n) => open(url, { name: `n${n}` })))
    await Promise.all(providers.map((provider, i) => post(provider, [newEvent(i)])))
    for (const provider of providers) expect(ids(await entriesOf(provider))).toHaveLength(4)
    const noted = [{ component: 'posted_events', version: 2 }]
    expect(await server.run(url, 'SELECT component, version FROM bingo_migrations')).toEqual(noted)
  })

  test('goes on with tables whose version stands in a table of their own', async () => {
    const url = await server.create()
    await post(await open(url), [newEvent(1)])
    // As the version before had it, which knew neither these tables nor bingo_migrations.
    const newer = ['bingo_migrations', 'bingo_event_identity', 'bingo_event_partitions', 'bingo_event_members']
    for (const table of newer) await server.run(url, `DROP TABLE ${table}`)
    await server.run(url, 'CREATE TABLE bingo_event_migrations (version INT PRIMARY KEY, applied_at BIGINT NOT NULL)')
    await server.run(url, 'INSERT INTO bingo_event_migrations VALUES (1, 0), (7, 0)')
    await expect(post(await open(url), [newEvent(2)])).rejects.toMatchObject({ code: 'BINGO_LOG_NEWER' })
    await server.run(url, 'DELETE FROM bingo_event_migrations WHERE version = 7')
    const provider = await open(url)
    await post(provider, [newEvent(2)])
    expect(ids(await entriesOf(provider))).toHaveLength(2)
  })

  test('refuses tables of a newer version with words', async () => {
    const url = await server.create()
    await post(await open(url), [newEvent(1)])
    await server.run(url, 'UPDATE bingo_migrations SET version = 9')
    const newer = { code: 'BINGO_LOG_NEWER', retryable: false, message: expect.stringContaining('version 9') as string }
    await expect(post(await open(url), [newEvent(2)])).rejects.toMatchObject(newer)
  })

  test('a reader never misses an event that is committed late, however many write at once', async () => {
    const url = await server.create()
    const providers = await Promise.all([1, 2, 3, 4].map((n) => open(url, { name: `n${n}` })))
    const stop = new AbortController()
    const seen: string[] = []
    const wanted = providers.length * 300
    const reading = (async () => {
      for await (const { id } of providers[0]!.log.read(null, { signal: stop.signal })) {
        seen.push(id)
        if (seen.length === wanted) break
      }
    })()
    const writing = providers.map(async (provider, p) => {
      for (let n = 0; n < 300; n += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, i) => post(provider, [newEvent(`${p}:${n + i}`)])))
      }
    })
    await Promise.all([...writing, reading])
    stop.abort()
    expect(new Set(seen).size).toBe(wanted)
    expect(seen).toEqual(ids(await entriesOf(providers[1]!)))
    const places = (await placesOf(providers[2]!)).map(Number)
    expect(places).toEqual(places.map((_, i) => i + 1))
  })

  /** What a reader of group `g` gets, until it has ended. Acknowledged as it comes. */
  function reader(provider: EventProvider, stop: AbortSignal) {
    const seen: LogEntry[] = []
    const done = (async () => {
      const acks: Promise<void>[] = []
      for await (const entry of provider.log.read(null, { group: 'g', signal: stop })) {
        seen.push(entry)
        acks.push(provider.log.ack('g', [entry.place]))
      }
      await Promise.all(acks)
    })()
    return { seen, done }
  }

  test('instances share a group: each key is read by one of them, in its order, and everything once', async () => {
    const url = await server.create()
    const providers = [
      await open(url, { name: 'one' }),
      await open(url, { name: 'two' }),
      await open(url, { name: 'three' }),
    ]
    const stop = new AbortController()
    const readers = providers.map((provider) => reader(provider, stop.signal))
    const posted: string[] = []
    const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`)
    while (!readers.every(({ seen }) => seen.length > 10)) {
      const round = keys.map((key) => newEvent(`${key}:${posted.length / keys.length}`, { key }))
      await post(providers[0]!, round)
      posted.push(...ids(round.map(({ event }) => event)))
      await expect.poll(() => readers.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(posted.length)
    }
    const all = readers.flatMap(({ seen }) => ids(seen))
    expect(all.toSorted()).toEqual(posted.toSorted())
    for (const { seen } of readers) {
      for (const [key, ofKey] of Map.groupBy(seen, (entry) => entry.key)) {
        const rounds = ofKey.map(({ id }) => Number(id.slice(key!.length + 1)))
        expect([key, rounds]).toEqual([key, rounds.toSorted((one, other) => one - other)])
      }
    }
    stop.abort()
    await Promise.all(readers.map(({ done }) => done))
    const [group] = (await providers[1]!.log.stats()).groups
    expect(group).toMatchObject({ acknowledged: String(posted.length), pending: 0 })
  })

  test('what an instance leaves goes to the others, from what was not acknowledged', async () => {
    const url = await server.create()
    const [first, second] = [await open(url, { name: 'one' }), await open(url, { name: 'two' })]
    await post(first, newEvents(0, 40))
    expect(ids(await entriesOf(first, null, { group: 'g' }))).toHaveLength(40)
    const places = await placesOf(first)
    await first.log.ack('g', [places[0]!, places[2]!, places[39]!])
    const refused = {
      code: 'BINGO_LOG_GROUP_BUSY',
      retryable: true,
      message: expect.stringContaining('"g"') as string,
    }
    await expect(second.log.ack('g', [places[1]!])).rejects.toMatchObject(refused)
    await first.close()
    const rest = newEvents(0, 40).map(({ event }) => event.id)
    const stop = new AbortController()
    const { seen, done } = reader(second, stop.signal)
    await expect.poll(() => seen.length).toBe(37)
    expect(ids(seen)).toEqual(rest.filter((id) => !['0', '2', '39'].includes(id)))
    stop.abort()
    await done
  })

  test('an instance that comes back late acknowledges nothing of what others read now, and all of the rest', async () => {
    const url = await server.create()
    const [first, second] = [await open(url, { name: 'one' }), await open(url, { name: 'two' })]
    await post(first, newEvents(0, 40))
    await entriesOf(first, null, { group: 'g' })
    // As if the first one had been paused for longer than its leases hold.
    await server.run(url, 'UPDATE bingo_event_partitions SET lease_until = 0')
    await server.run(url, 'DELETE FROM bingo_event_members')
    expect(ids(await entriesOf(second, null, { group: 'g' }))).toHaveLength(40)
    const places = await placesOf(first)
    await expect(first.log.ack('g', places)).rejects.toMatchObject({ code: 'BINGO_LOG_GROUP_BUSY' })
    expect((await first.log.stats()).groups).toMatchObject([{ acknowledged: null, pending: 40 }])
    await second.log.ack('g', places)
    expect((await first.log.stats()).groups).toMatchObject([{ acknowledged: places[39], pending: 0 }])
  })

  test('an older version that reads a group alone keeps it until its lease runs out', async () => {
    const url = await server.create()
    const provider = await open(url)
    await post(provider, newEvents(0, 2))
    const until = Date.now() + 3_600_000
    await server.run(
      url,
      `INSERT INTO bingo_event_groups (name, up_to, holder, holder_name, lease_until) VALUES ('g', 1, 'x', 'old one', ${until})`,
    )
    const refused = { code: 'BINGO_LOG_GROUP_BUSY', message: expect.stringContaining('old one') as string }
    await expect(entriesOf(provider, null, { group: 'g' })).rejects.toMatchObject(refused)
    await server.run(url, 'UPDATE bingo_event_groups SET lease_until = 0')
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toEqual(['1'])
  })

  test('two that move what is due move each event once', async () => {
    const url = await server.create()
    const [first, second] = [await open(url), await open(url)]
    const waiting = newEvents(0, 200).map(({ event: { id } }) => newEvent(id, { deliverAt: NOW + 10 }))
    await post(first, waiting)
    const moved = await Promise.all([first, second, first, second].map((each) => each.due(NOW + 10, 60)))
    expect(moved.map((each) => each.moved)).toEqual([60, 60, 60, 20].map(() => expect.any(Number) as number))
    await first.due(NOW + 10, 1_000)
    expect(ids(await entriesOf(first))).toEqual(newEvents(0, 200).map(({ event }) => event.id))
  })

  test('loses nothing that was answered when who posts is killed, and nothing is there twice', async () => {
    const url = await server.create()
    const answered: string[] = []
    for (let life = 0; life < LIVES; life++) {
      await using child = new PostingProcess(url, life)
      await using beside = new PostingProcess(url, `${life}b`)
      await child.hasAnswered(1 + life * 60)
      await child.kill()
      await beside.hasAnswered(1)
      await beside.kill()
      answered.push(...child.answered(), ...beside.answered())
    }
    await checkKept(await open(url), answered)
  })

  test('loses nothing that was answered when the server is killed, and goes on when it is back', async () => {
    const url = await server.create()
    const provider = await open(url)
    const answered: string[] = []
    for (let life = 0; life < 2; life++) {
      await using child = new PostingProcess(url, life)
      await child.hasAnswered(20 + life * 50)
      await server.kill()
      await child.ended()
      answered.push(...child.answered())
      await expect(post(provider, [newEvent('while it is down')])).rejects.toMatchObject({
        code: 'BINGO_LOG_UNREACHABLE',
        retryable: true,
      })
      await server.restart()
    }
    await checkKept(provider, answered)
    expect((await post(provider, [newEvent('9:9:9')]))[0]!.tag).toBe('stored')
  })

  test('what is under way when the server dies is refused, and the process goes on', async () => {
    const provider = await open(await server.create())
    await post(provider, newEvents(0, 20))
    const outcomes: Promise<unknown>[] = []
    let isDown = false
    // Several statements each: the connection breaks between two of them, too.
    const working = (async () => {
      for (let n = 0; !isDown; n++) {
        const name = { environment: 'default', id: String(n % 20) }
        const round = [
          provider.progress([{ ...name, at: NOW + n, status: 'processing' }]),
          provider.replay(name, NOW + n),
          post(provider, [newEvent(n % 40)]),
        ]
        outcomes.push(...round)
        await Promise.allSettled(round)
      }
    })()
    for (let i = 0; i < LIVES; i++) {
      await expect.poll(() => outcomes.length).toBeGreaterThan(10 * i)
      await server.kill()
      await server.restart()
    }
    isDown = true
    await working
    for (const outcome of await Promise.allSettled(outcomes)) {
      const code = outcome.status === 'rejected' ? (outcome.reason as { code?: string }).code : 'done'
      expect(['done', 'BINGO_LOG_UNREACHABLE']).toContain(code)
    }
    expect((await post(provider, [newEvent('after')]))[0]!.tag).toBe('stored')
  })
})
