import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { judge } from './checker.ts'
import { CountedLoad } from './targets/load.ts'
import { arrivalOfJson, NOTE } from './targets/outlet.ts'

/** On top of the 5 s that a command may take; 30,000 by hand: BINGO_FAULT_STALL_MS=30000. */
const STALL_MS = Number(process.env['BINGO_FAULT_STALL_MS'] ?? 100)
/** So much is in there before, so that 1 MB is not enough. */
const FILLER_BYTES = 1_500_000
const HEAL_MS = 120_000
const DELIVERED = 'bingo_rule_delivered_total{rule="arrivals"}'
const RULES = `rules:
  - id: arrivals
    table: fault.load
    actions:
      - {type: redis, cmd: RPUSH, key: arrivals, value: ${NOTE}}
`

const NOTHING_WRONG = { lost: [], reordered: [], phantoms: [], changedIds: [], deadLetters: 0 }

let mysql: SqlServer

beforeAll(async () => {
  mysql = await startMysql({ gtid: true })
})
afterAll(() => mysql?.stop())

describe('a Redis that is target and checkpoint store', () => {
  let redis: RedisServer
  let bingo: Daemon
  let load: CountedLoad

  beforeEach(async () => {
    redis = await startRedis({ args: ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'] })
    load = new CountedLoad(mysql, { changes: 2_000, rows: 100, pauseMs: 10 })
    await load.prepare()
    const env = { BINGO_REDIS_URL: redis.url, BINGO_CHECKPOINT_STORE: `${redis.url}/1` }
    bingo = await Daemon.prepare({ rules: RULES, sourceUrl: mysql.url, env })
  })
  afterEach(async () => {
    await bingo[Symbol.asyncDispose]()
    await redis.stop()
  })

  const reasons = async (): Promise<string> => (await bingo.get('/readyz').catch(() => null))?.text ?? ''

  /** What came of it, once nothing is under way any more. */
  async function settled(): Promise<object> {
    await eventually('everything was delivered', async () => (await bingo.metric(DELIVERED)) === load.changes, HEAL_MS)
    await eventually('the lag is zero', async () => (await bingo.metric('bingo_lag_seconds')) === 0)
    await bingo.ready()
    const notes = (await redis.cli('--raw', 'LRANGE', 'arrivals', '0', '-1')).split('\n').filter(Boolean)
    const verdict = judge(notes.map(arrivalOfJson), await load.finalState())
    return { ...verdict, deadLetters: await bingo.metric('bingo_dead_letters') }
  }

  /** Writes while the fault is made, and heals it once `/readyz` names it. */
  async function survive(
    makeFault: () => Promise<unknown>,
    heal: () => Promise<unknown>,
    named: RegExp,
  ): Promise<object> {
    bingo.spawn()
    await bingo.ready()
    await using writing = load.start()
    await eventually('something was delivered', async () => ((await bingo.metric(DELIVERED)) ?? 0) > 0)
    await makeFault()
    try {
      await eventually(`/readyz says ${named}`, async () => named.test(await reasons()))
    } finally {
      await heal()
    }
    await writing.finish()
    return await settled()
  }

  test('out of memory: events wait, none becomes a dead letter, all arrive once there is room', async () => {
    await redis.cli('SETRANGE', 'filler', String(FILLER_BYTES), 'x')
    const outcome = await survive(
      () => redis.cli('CONFIG', 'SET', 'maxmemory', '1mb'),
      () => redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
      /BINGO_TARGET_DOWN.*OOM/,
    )
    expect(outcome).toMatchObject(NOTHING_WRONG)
  })

  test('made a replica: events wait until it is a master again', async () => {
    const outcome = await survive(
      () => redis.cli('REPLICAOF', '127.0.0.1', '1'),
      () => redis.cli('REPLICAOF', 'NO', 'ONE'),
      /BINGO_TARGET_DOWN.*READONLY/,
    )
    expect(outcome).toMatchObject(NOTHING_WRONG)
  })

  test('killed and started again', async () => {
    const outcome = await survive(
      () => redis.kill('SIGKILL'),
      () => redis.restart(),
      /BINGO_TARGET_DOWN.*BINGO_REDIS_UNREACHABLE/,
    )
    expect(outcome).toMatchObject(NOTHING_WRONG)
  })

  test('stopped for longer than an answer may take: it answers late, and what waited follows', async () => {
    const outcome = await survive(
      () => redis.kill('SIGSTOP'),
      () => delay(STALL_MS).then(() => redis.kill('SIGCONT')),
      /BINGO_TARGET_DOWN.*BINGO_REDIS_UNREACHABLE/,
    )
    expect(outcome).toMatchObject(NOTHING_WRONG)
  })

  test('down at the start: it is waited for', async () => {
    // A first start that cannot remember where it began would begin elsewhere the next time.
    bingo.spawn()
    await bingo.ready()
    await bingo.stop()
    await redis.kill('SIGKILL')
    const writing = load.run()
    bingo.spawn()
    try {
      await eventually('it says that it is not ready', async () => /BINGO_/.test(await reasons()))
      expect((await bingo.get('/readyz')).status).toBe(503)
    } finally {
      await redis.restart()
    }
    await writing
    expect(await settled()).toMatchObject(NOTHING_WRONG)
  })
})
