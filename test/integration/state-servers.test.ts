import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { SqlDeadLetterStore } from '../../src/state/dead-letters/sql-store.ts'
import { StateServers } from '../../src/state/sql/servers.ts'
import { SqlLease } from '../../src/state/sql/lease.ts'
import { SqlStateStore } from '../../src/state/sql/state-store.ts'
import { SqlWaitingStore } from '../../src/state/waiting/sql/store.ts'
import { openCheckpointStore, openDeadLetterStore, openLease, openWaitingStore } from '../../src/state/open.ts'
import { storedCheckpoint } from '../support/checkpoints.ts'
import { eventually } from '../support/daemon.ts'
import { silentLog } from '../support/jobs.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'
import { describeState } from '../unit/state/contract.ts'
import { describeStore, expectNamed, letter, listed, ROOMY } from '../unit/state/dead-letters/contract.ts'
import { describeLease, describeToldRelease } from '../unit/state/lease/contract.ts'
import { describeWaiting, ids, record } from '../unit/state/waiting/contract.ts'
import { describeLikeMemory } from '../unit/state/waiting/like-memory.ts'
import { expectOneMoment } from '../unit/state/waiting/moving.ts'

const TTL_MS = 2_000

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
  ['PostgreSQL', startPostgres],
] as const)('state in %s', (_kind, start) => {
  let server: Awaited<ReturnType<typeof start>>
  let url = ''
  let names = 0
  const opened: { close(): Promise<void> }[] = []

  beforeAll(async () => {
    server = await start()
    if ('query' in server) await server.query('CREATE DATABASE state')
    else await query(server.url, 'CREATE DATABASE state')
    url = Object.assign(new URL(server.url), { pathname: '/state' }).href
  })
  afterAll(() => server.stop())
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close()
  })

  const newName = (): string => `place-${++names}`
  const place = (name: string, servers = new StateServers()) => servers.place(url, name, 'values')
  const keep = <T extends { close(): Promise<void> }>(store: T): T => {
    opened.push(store)
    return store
  }
  const state = (name: string) => keep(new SqlStateStore(place(name)))
  const waiting = (name: string) => keep(new SqlWaitingStore(place(name)))
  const letters = (name: string) => keep(new SqlDeadLetterStore(place(name), ROOMY))
  const run = async (sql: string): Promise<void> => {
    if ('query' in server) await server.query(sql.replaceAll('bingo_', 'state.bingo_'))
    else await query(url, sql)
  }

  describe('values', () => {
    describeState(() => {
      const name = newName()
      return async () => state(name)
    })
  })

  describe('leases', () => {
    const servers = new StateServers()
    describeLease((name, holder, ttlMs) => new SqlLease(place(name, servers), { name, holder, ttlMs }), TTL_MS)
    describeToldRelease((name, holder, ttlMs) => new SqlLease(place(name, servers), { name, holder, ttlMs }), TTL_MS)

    test('of very many that ask at once, one has it', async () => {
      const name = newName()
      const leases = Array.from({ length: 12 }, (_, i) =>
        keep(new SqlLease(place(name, servers), { name: 'leader', holder: `${i}`, ttlMs: 60_000 })),
      )
      const answers = await Promise.all(leases.map((lease) => lease.ask()))
      expect(answers.map(({ tag }) => tag).toSorted()).toEqual([...Array<string>(11).fill('other'), 'taken'])
      const leader = leases[answers.findIndex(({ tag }) => tag === 'taken')]!
      expect(await leader.ask()).toEqual({ tag: 'held' })
    })
  })

  describe('dead letters', () => {
    describeStore(async (limits, clock) => keep(new SqlDeadLetterStore(place(newName()), limits, clock)))

    test('that somebody has edited are named, and can be dropped', async () => {
      const name = newName()
      const store = letters(name)
      await store.add([letter(1), letter(2), letter(3)])
      const row = `created_at = 1002 AND instance = (SELECT id FROM bingo_instances WHERE name = '${name}')`
      await run(`UPDATE bingo_dead_letters SET body = REPLACE(body, '"op":"update"', '"op":5') WHERE ${row}`)
      await expectNamed(store, 'event.op is not a text')
      await store.add([letter(2)])
      await run(`UPDATE bingo_dead_letters SET body = REPLACE(body, '#rule#0', '#rule#1') WHERE ${row}`)
      await expect(listed(store)).rejects.toMatchObject({ code: 'BINGO_DEAD_LETTER_CORRUPT' })
    })

    test('of many writers at once are counted, and what waits behind one that goes is given back or there', async () => {
      const name = newName()
      const stores = [letters(name), letters(name), letters(name)]
      await stores[0]!.add([letter(0, { rowKey: 'a' })])
      const adding = stores.map((store, i) =>
        store.add(Array.from({ length: 40 }, (_, n) => letter(1 + i * 40 + n, { rowKey: 'a', state: 'parked' }))),
      )
      const removing = stores[1]!.remove([letter(0, { rowKey: 'a' }).id])
      const released = (await Promise.all(adding)).flat()
      await removing
      expect(new Set(released).size + (await listed(stores[0]!)).length).toBe(120)
      expect(await stores[2]!.count()).toBe(120 - released.length)
    })
  })

  describe('waiting events', () => {
    describeWaiting(() => {
      const name = newName()
      return async () => waiting(name)
    })

    describeLikeMemory(() => {
      const name = newName()
      return () => waiting(name)
    }, 6)

    test('are read as they are at one moment, however they move meanwhile', async () => {
      const name = newName()
      await expectOneMoment(waiting(name), waiting(name))
    })

    test('of a line whose shapes leave and come while it is read are read as a whole', async () => {
      const name = newName()
      const [store, reader] = [waiting(name), waiting(name)]
      let isMoving = true
      const reading = (async () => {
        while (isMoving)
          for (const each of await reader.page('spool/crm', 0, 10)) expect(each.shape.ruleId).toBe('rule')
      })()
      for (let turn = 0; turn < 60; turn++) {
        const places = (await store.add([record(turn), record(turn + 1)])) as number[]
        await store.remove(places)
      }
      isMoving = false
      await reading
      expect(await store.lines()).toEqual([])
    })

    test('of several writers at once have places of their own, and none is lost', async () => {
      const name = newName()
      const stores = [waiting(name), waiting(name), waiting(name)]
      const places = await Promise.all(
        stores.flatMap((store, i) =>
          Array.from({ length: 5 }, (_, n) =>
            store.add(Array.from({ length: 20 }, (_each, m) => record(1 + i * 100 + n * 20 + m))),
          ),
        ),
      )
      expect(new Set(places.flat()).size).toBe(300)
      expect(await ids(stores[0]!)).toHaveLength(300)
      expect((await stores[1]!.lines())[0]).toMatchObject({ count: 300 })
    })
  })

  describe('one instance', () => {
    const settings = (name: string, servers?: StateServers) => ({
      name,
      checkpoint: url,
      deadLetters: undefined,
      log: silentLog,
      servers,
    })

    test('does not see what another one has, and all of its stores share the connections', async () => {
      const [servers, name] = [new StateServers(), newName()]
      const own = settings(name, servers)
      const stores = [
        keep(await openDeadLetterStore(own, ROOMY)),
        keep(await openWaitingStore(own)),
        keep(await openCheckpointStore(own)),
        keep(await openLease(own, 60_000)),
      ] as const
      await stores[0].add([letter(1)])
      await stores[1].add([record(1)])
      await stores[2].save({ ...storedCheckpoint, name })
      expect(await stores[3].ask()).toMatchObject({ tag: 'taken' })
      const other = settings(newName())
      expect(await keep(await openDeadLetterStore(other, ROOMY)).count()).toBe(0)
      expect(await keep(await openWaitingStore(other)).lines()).toEqual([])
      expect(await keep(await openCheckpointStore(other)).load()).toBeNull()
      expect(await keep(await openLease(other, 60_000)).ask()).toMatchObject({ tag: 'taken' })
      await stores[0].close()
      expect(await ids(stores[1])).toEqual([1])
    })

    test('refuses a checkpoint of a lower epoch', async () => {
      const name = newName()
      const store = keep(await openCheckpointStore(settings(name)))
      const mine = { ...storedCheckpoint, name }
      await store.save(mine)
      await keep(await openCheckpointStore(settings(name))).save({ ...mine, epoch: mine.epoch + 1 })
      await expect(store.save(mine)).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_FENCED', retryable: false })
    })

    test('loses nothing of what was answered when the server is killed, and goes on when it is back', async () => {
      const name = newName()
      const [store, dead, values] = [waiting(name), letters(name), state(name)]
      await store.add([record(1), record(2)])
      await dead.add([letter(1)])
      await values.save('a', 'one', null)
      await server.kill('SIGKILL')
      await expect(store.add([record(3)])).rejects.toMatchObject({ code: 'BINGO_WAITING_UNREACHABLE', retryable: true })
      await expect(dead.count()).rejects.toMatchObject({ code: 'BINGO_DEAD_LETTERS_UNREACHABLE', retryable: true })
      await expect(values.load('a')).rejects.toMatchObject({ code: 'BINGO_STATE_UNREACHABLE', retryable: true })
      const lease = values.lease('x', 1_000)
      await expect(lease.ask()).rejects.toMatchObject({ code: 'BINGO_LEASE_UNREACHABLE', retryable: true })
      await server.restart()
      await eventually('it answers', () =>
        ids(store).then(
          (found) => found.length === 2,
          () => false,
        ),
      )
      expect(await listed(dead)).toEqual(['1'])
      expect(await values.load('a')).toEqual({ value: 'one', version: 1 })
      expect(await lease.ask()).toMatchObject({ tag: 'taken' })
    })

    test('is told to check the login where the server refuses it', async () => {
      // PostgreSQL trusts whoever comes from this machine, but not with a name that it does not know.
      const wrong = Object.assign(new URL(url), { username: 'nobody', password: 'wrong' }).href
      const store = keep(new SqlStateStore(new StateServers().place(wrong, newName(), 'values')))
      const refused = {
        code: 'BINGO_STATE_UNREACHABLE',
        hint: expect.stringContaining('Check user, password') as string,
      }
      await expect(store.load('a')).rejects.toMatchObject(refused)
    })

    test('is refused with words where a newer BinGo has made the tables', async () => {
      await state(newName()).load('a')
      await run("UPDATE bingo_migrations SET version = 99 WHERE component = 'state'")
      const refused = { code: 'BINGO_STATE_NEWER', message: expect.stringContaining('version 99'), retryable: false }
      await expect(state(newName()).load('a')).rejects.toMatchObject(refused)
      await expect(waiting(newName()).lines()).rejects.toMatchObject(refused)
      await expect(letters(newName()).count()).rejects.toMatchObject(refused)
      await expect(state(newName()).lease('x', 1_000).ask()).rejects.toMatchObject(refused)
      await run("UPDATE bingo_migrations SET version = 1 WHERE component = 'state'")
    })
  })
})

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
}
