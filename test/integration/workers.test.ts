import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inForm } from '../support/forms.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startNats } from '../support/servers/nats.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo, ndjson } from './cli-process.ts'
import { Fleet, LONG_TTL, type FleetOptions } from '../support/scale/fleet.ts'

let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>

beforeAll(async () => {
  ;[mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({ args: ['--appendonly', 'yes'] })])
})

afterAll(() => Promise.all([mysql?.stop(), redis?.stop()]))

let fleets = 0
const WRITE_PAUSE_MS = 50
const SOME = inForm({ short: 100, long: 300 })

/** A database, a name and a log of its own for each. */
async function newFleet(options: Partial<FleetOptions> = {}): Promise<Fleet> {
  const name = `fleet${++fleets}`
  return Fleet.prepare({ mysql, redis, name, through: `${redis.url}/1?prefix=${name}`, ...options })
}

test.each(['redis', 'nats', 'kafka'])(
  'a reader and two workers on %s: every change arrives once, in the order of its row, while a third worker takes a part, and while one after the other is restarted',
  async (kind) => {
    await using servers = new AsyncDisposableStack()
    const through = async (): Promise<Partial<FleetOptions>> => {
      if (kind === 'redis') return {}
      const server = await (kind === 'nats' ? startNats() : startKafka())
      servers.defer(() => server.stop())
      return { through: kind === 'nats' ? `${server.url}/changes` : `kafka://127.0.0.1:${server.port}/changes` }
    }
    await using fleet = await newFleet({ ttl: LONG_TTL, ...(await through()) })
    const reader = await fleet.start('reader')
    const [one, two] = await Promise.all([fleet.start('worker'), fleet.start('worker')])
    await eventually('both have a part', async () => (await fleet.shares(one)) === 4 && (await fleet.shares(two)) === 4)
    await fleet.write(SOME)
    await fleet.allArrived()
    const three = await fleet.start('worker')
    await eventually('the third has a part', async () => (await fleet.shares(three)) >= 2)
    await fleet.write(SOME)
    await fleet.allArrived()
    let stdout = ''
    // Each worker says once a second how many it has.
    await eventually('the reader knows what each worker has', async () => {
      ;({ stdout } = await bingo(['status'], { env: fleet.envOf(reader) }))
      return stdout.match(/worker\s+\S+:\d+, [23] shares/g)?.length === 3
    })
    expect(stdout).toMatch(/scale\s+reader, 8 shares through/)
    ;({ stdout } = await bingo(['status'], { env: fleet.envOf(one) }))
    expect(stdout.match(/position\s+changes-\d: \d+ behind, saved 2/g)?.length).toBeGreaterThanOrEqual(2)
    const all = [one, two, three]
    const stop = new AbortController()
    const writing = (async () => {
      // As fast as the server takes them, it would be thousands of changes while a process starts.
      for (; !stop.signal.aborted; await delay(WRITE_PAUSE_MS)) await fleet.write(5)
    })()
    for (const daemon of inForm({ short: [one, reader], long: [...all, reader, ...all, reader] })) {
      expect(await daemon.stop()).toBe(0)
      daemon.spawn()
      await daemon.ready()
      await fleet.allShared(all)
    }
    stop.abort()
    await writing
    // Stopped in order, a worker leaves nothing that comes twice.
    expect(await one.stop()).toBe(0)
    await fleet.write(SOME)
    await fleet.allArrived()
    expect(await reader.stop()).toBe(0)
    expect(fleet.verdict()).toEqual({ lost: [], disordered: [], phantoms: [], repeated: [] })
  },
  // Five processes and three servers start one after the other.
  600_000,
)

/** A wide row of every kind, as events show it. */
const WIDE = `id BIGINT UNSIGNED PRIMARY KEY, tiny TINYINT, big BIGINT, price DECIMAL(30,10), ratio DOUBLE, single_ FLOAT,
  name VARCHAR(50), code VARBINARY(20), body BLOB, at DATETIME(6), stamp TIMESTAMP(3), day DATE, hour TIME(6), y YEAR,
  doc JSON, kind ENUM('a','b'), kinds SET('x','y','z'), bits BIT(64), place POINT`

test('an event comes from a worker as it comes from one process, to the last digit', async () => {
  await using fleet = await newFleet({ ttl: LONG_TTL })
  const { name } = fleet.options
  await mysql.query(`CREATE TABLE ${name}.wide (${WIDE})`)
  const rules = `rules:\n  - {id: wide, table: ${name}.wide, events: [INSERT, UPDATE, DELETE, TRUNCATE], actions: [{type: webhook, url: "${fleet.receiver.url}/wide"}]}\n`
  const options = { rules, sourceUrl: mysql.url }
  const alone = { BINGO_NAME: `${name}-alone`, BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8' }
  await using one = await Daemon.start({ ...options, env: alone })
  await using reader = await Daemon.start({ ...options, env: { ...fleet.settings, BINGO_SCALE_ROLE: 'reader' } })
  await using worker = await Daemon.start({ ...options, env: { ...fleet.settings, BINGO_SCALE_ROLE: 'worker' } })
  await mysql.query(`INSERT INTO ${name}.wide VALUES
    (18446744073709551615, -128, -9223372036854775808, 12345678901234567890.0123456789, 1e17, 0.1, 'ä "q" 😀', x'00ff80', x'c3a4ff',
     '2026-11-29 01:02:03.000004', '2026-11-29 01:02:03.456', '2026-02-28', '-838:59:58.999999', 2026,
     '{"n": 9007199254740993, "d": 1e30, "z": -0.0, "deep": [{"a": [18446744073709551615, null, true]}], "__proto__": 1}',
     'b', 'x,z', b'1111111111111111111111111111111111111111111111111111111111111111', POINT(1.5, -2)),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
  await mysql.query(`UPDATE ${name}.wide SET big = big + 1, doc = JSON_SET(doc, '$.n', 9007199254740995) WHERE id > 2`)
  await mysql.query(`UPDATE ${name}.wide SET id = 3 WHERE id = 2`)
  await mysql.query(`DELETE FROM ${name}.wide WHERE id = 3`)
  await mysql.query(`TRUNCATE TABLE ${name}.wide`)
  const texts = () => {
    const bodies = fleet.receiver.requests.map(({ body }) => body)
    return [...Map.groupBy(bodies, (body) => (JSON.parse(body) as { id: string }).id).values()]
  }
  await eventually('both have sent all of them', () => texts().filter(({ length }) => length === 2).length === 6)
  for (const [first, second] of texts()) expect(first).toBe(second)
  expect(await Promise.all([one, reader, worker].map((daemon) => daemon.stop()))).toEqual([0, 0, 0])
})

test('a worker that is killed leaves its parked keys and dead letters to the others, and a reload reaches all', async () => {
  const refused = (receiver: string) =>
    `  - {id: refused, table: ${name}.refused, actions: [{type: webhook, url: "${receiver}/refused", body: {id: "{{id}}", v: "{{v}}"}, onFailure: park}]}\n`
  const name = `fleet${fleets + 1}`
  await using fleet = await Fleet.prepare({
    mysql,
    redis,
    name,
    through: `${redis.url}/1?prefix=${name}`,
    rules: refused,
  })
  fleets += 1
  await mysql.query(`CREATE TABLE ${name}.refused (id INT PRIMARY KEY, v INT)`)
  fleet.receiver.answer = (body) => ((JSON.parse(body) as { v?: number }).v === 1 ? 400 : 204)
  const reader = await fleet.start('reader')
  const workers = await Promise.all([fleet.start('worker'), fleet.start('worker')])
  await eventually(
    'both have a part',
    async () => (await fleet.shares(workers[0]!)) === 4 && (await fleet.shares(workers[1]!)) === 4,
  )
  const insert = (v: number) =>
    mysql.query(
      `INSERT INTO ${name}.refused VALUES ${[1, 2, 3, 4, 5, 6].map((id) => `(${id}, ${v})`).join()} ON DUPLICATE KEY UPDATE v = ${v}`,
    )
  await insert(1)
  await eventually('all are dead letters', async () => (await workers[0]!.metric('bingo_dead_letters')) === 6)
  await workers[0]!.stop('SIGKILL')
  await eventually('the other has all of them', async () => (await fleet.shares(workers[1]!)) === 8)
  // They are parked for whoever has the share: nothing overtakes what failed.
  await insert(2)
  await eventually('they have joined', async () => (await workers[1]!.metric('bingo_dead_letters')) === 12)
  const listed = await bingo(['dead-letters', 'list', '--json'], { env: fleet.envOf(reader) })
  expect(ndjson(listed.stdout)).toHaveLength(12)
  expect(fleet.receiver.requests.filter(({ path, status }) => path === '/refused' && status < 300)).toEqual([])
  // A rule that is new to all: the reader first.
  await mysql.query(`CREATE TABLE ${name}.later (id INT PRIMARY KEY)`)
  const rules = `${fleet.rules}  - {id: later, table: ${name}.later, actions: [{type: webhook, url: "${fleet.receiver.url}/later", body: {id: "{{id}}"}}]}\n`
  for (const daemon of [reader, workers[1]!]) {
    await writeFile(daemon.rulesFile, rules)
    await daemon.says({ msg: 'rules reloaded' })
  }
  await mysql.query(`INSERT INTO ${name}.later VALUES (1), (2), (3)`)
  await eventually('it runs', () => fleet.receiver.requests.filter(({ path }) => path === '/later').length === 3)
})

test('a second reader is a standby, and a switch at one worker holds for the others', async () => {
  await using fleet = await newFleet()
  const one = await fleet.start('reader')
  const two = await fleet.prepareOne('reader')
  two.spawn()
  await eventually('it waits', async () => (await two.reasons()).includes('BINGO_STANDBY'))
  const [first, second] = await Promise.all([fleet.start('worker'), fleet.start('worker')])
  await eventually(
    'both have a part',
    async () => (await fleet.shares(first)) === 4 && (await fleet.shares(second)) === 4,
  )
  await fleet.write(50)
  await one.stop('SIGKILL')
  await two.ready()
  await fleet.write(50)
  await fleet.allArrived()
  const { code } = await bingo(['rules', 'disable', 'moves'], { env: fleet.envOf(first) })
  expect(code).toBe(0)
  await second.says({ msg: 'rules are disabled' })
  const before = fleet.receiver.requests.filter(({ path }) => path === '/moves').length
  await fleet.write(40)
  await eventually('the other rule has run', () => fleet.verdict().lost.every((name) => name.startsWith('moves:')))
  expect(fleet.receiver.requests.filter(({ path }) => path === '/moves')).toHaveLength(before)
  const { lost: _lost, ...rest } = fleet.verdict()
  expect(rest).toMatchObject({ disordered: [], phantoms: [] })
})

test('one process does not begin before workers have finished', async () => {
  await using fleet = await newFleet({ ttl: LONG_TTL })
  const reader = await fleet.start('reader')
  await fleet.write(SOME)
  await reader.shows('bingo_in_flight_jobs', 0)
  expect(await reader.stop()).toBe(0)
  const one = await fleet.prepareOne('all')
  one.spawn()
  expect(await one.ended()).toBe(1)
  expect(one.said({ code: 'BINGO_SCALE_UNFINISHED' })).not.toEqual([])
  expect(fleet.receiver.requests).toEqual([])
  const worker = await fleet.start('worker')
  await fleet.allArrived()
  await worker.shows('bingo_in_flight_jobs', 0)
  expect(await worker.stop()).toBe(0)
  one.spawn()
  await one.ready()
  await fleet.write(10)
  await fleet.allArrived()
  expect(await one.stop()).toBe(0)
  expect(fleet.verdict()).toEqual({ lost: [], disordered: [], phantoms: [], repeated: [] })
})

test('after one process did everything, changes go through another log, and through the first one again', async () => {
  await using fleet = await newFleet()
  const other = {
    BINGO_SCALE_THROUGH: `${redis.url}/1?prefix=${fleet.options.name}-other`,
    BINGO_SCALE_SHARES: '4',
  }
  for (const settings of [{}, other, {}]) {
    const reader = await fleet.start('reader', settings)
    // Before a worker is there: the log is longer by then than where the shares stood in another one.
    await fleet.write(SOME)
    await reader.shows('bingo_in_flight_jobs', 0)
    const worker = await fleet.start('worker', settings)
    await fleet.allArrived()
    expect(await reader.stop()).toBe(0)
    expect(await worker.stop()).toBe(0)
    const one = await fleet.start('all', settings)
    await fleet.write(10)
    await fleet.allArrived()
    expect(await one.stop()).toBe(0)
  }
  expect(fleet.verdict()).toEqual({ lost: [], disordered: [], phantoms: [], repeated: [] })
})

test('one process that cannot see whether workers have finished says so', async () => {
  await using fleet = await newFleet()
  const reader = await fleet.start('reader')
  expect(await reader.stop()).toBe(0)
  const one = await fleet.start('all', { BINGO_SCALE_THROUGH: `${redis.url}/1?prefix=elsewhere` })
  await one.says({ code: 'BINGO_SCALE_UNFINISHED', level: 'warn' })
  expect(await one.stop()).toBe(0)
})

test('what does not work with workers is refused before anything runs', async () => {
  const settings = {
    BINGO_SOURCE_URL: mysql.url,
    BINGO_SCALE_THROUGH: `${redis.url}/1`,
    BINGO_CHECKPOINT_STORE: 'memory:',
  }
  const { code, stderr } = await bingo(['check'], { env: settings })
  expect(code).toBe(1)
  expect(stderr).toContain('BINGO_CONFIG_SCALE')
  const role = await bingo(['run', '--role', 'worker'], { env: { BINGO_SOURCE_URL: mysql.url } })
  expect(role.code).toBe(1)
  expect(role.stderr + role.stdout).toContain('needs scale.through')
})
