import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { besides, eventually } from '../support/daemon.ts'
import type { Daemon } from '../support/daemon.ts'
import { useShopRows } from '../support/shop-rows.ts'
import { withFailpoints, type FailpointFile } from '../support/main-file.ts'
import { FAILPOINT_VARIABLE } from '../fault/failpoints/names.ts'
import { bingo } from './cli-process.ts'
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts'
import { inForm } from '../support/forms.ts'

const RULES = `rules:
  - id: once
    table: shop.rows
    actions:
      - {type: redis, cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}}", exactlyOnce: true}
      - {type: redis, cmd: INCRBY, key: "sum:{{id}}", value: "{{new.seq}}", exactlyOnce: true}
  - id: other
    table: shop.rows
    actions:
      - {type: redis, cmd: RPUSH, key: "other:{{id}}", value: "{{new.seq}}", exactlyOnce: true}
`
const ROWS = 8
const KILLS = inForm({ short: 2, long: 8 })
const from1 = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1)

const shop = useShopRows()

/** Dead letters in a Redis, where the lease of a retry that was killed can be ended without waiting. */
function start(failpoints?: FailpointFile): Promise<Daemon> {
  return shop.start(RULES, { BINGO_DEAD_LETTERS_STORE: `${shop.redis.url}/1` }, failpoints)
}

const letters = async (daemon: Daemon): Promise<number> => (await daemon.metric('bingo_dead_letters')) ?? -1
const refused = (): string[] => from1(ROWS).flatMap((id) => [`row:${id}`, `other:${id}`])

/** Parks all rows for both rules, with a history of `last` changes each. */
async function park(daemon: Daemon, last: number): Promise<void> {
  await shop.redis.cli('MSET', ...refused().flatMap((key) => [key, 'not a list']))
  const rows = from1(ROWS).map((id) => `(${id}, 1)`)
  await shop.mysql.query(`INSERT INTO shop.rows VALUES ${rows.join()}`)
  await update(last - 1)
  await eventually('all are parked', async () => (await letters(daemon)) === ROWS * last * 3)
}

async function update(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await shop.mysql.query('UPDATE shop.rows SET seq = seq + 1')
}

const accept = () => shop.redis.cli('DEL', ...refused())

/** Runs a retry that is killed at a failpoint. */
async function killedRetry(daemon: Daemon, args: readonly string[], failpoint: string): Promise<void> {
  const child = spawn(process.execPath, [...withFailpoints('changes'), 'dead-letters', 'retry', ...args], {
    cwd: '/tmp',
    env: { ...CHILD_ENVIRONMENT, ...besides(daemon), [FAILPOINT_VARIABLE]: failpoint } as NodeJS.ProcessEnv,
    stdio: 'ignore',
  })
  await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')
  await shop.redis.cli('-n', '1', 'DEL', 'bingo:{bingo}:dead-letters:lease')
}

async function retry(daemon: Daemon, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await bingo(['dead-letters', 'retry', ...args], { env: besides(daemon) })
  expect([code, stderr]).toEqual([0, ''])
  return stdout
}

/** Every change of every row there once, in order, for each of the three actions. */
async function expectOnce(last: number): Promise<void> {
  const seqs = from1(last)
  const sum = seqs.reduce((total, seq) => total + seq, 0)
  for (const id of from1(ROWS)) {
    const total = async () => Number(await shop.redis.cli('--raw', 'GET', `sum:${id}`))
    await eventually(`row ${id} is complete`, async () => (await total()) >= sum)
    // Actions and rules do not wait for each other.
    for (const key of [`row:${id}`, `other:${id}`]) {
      await eventually(`${key} is complete`, async () => (await shop.list(key)).length >= last)
    }
    const lists = [await shop.list(`row:${id}`), await shop.list(`other:${id}`)]
    expect([id, await total(), ...lists]).toEqual([id, sum, seqs.map(String), seqs.map(String)])
  }
}

test('kill -9 of a retry between effect and removal: nothing counts twice, whatever is retried or dropped afterwards', async () => {
  await using daemon = await start()
  await park(daemon, 10)
  await accept()
  await killedRetry(daemon, ['--rule', 'once'], 'effect-acknowledged:3')
  await killedRetry(daemon, ['--rule', 'once'], 'effect-sent:2')
  // A retry of other events comes to its end, and the daemon forgets what no restart can bring again.
  expect(await retry(daemon, '--rule', 'other')).toBe(`${ROWS * 10} delivered, 0 remaining\n`)
  for (let i = 0; i < 4; i++) {
    await delay(1_100)
    await update(1)
  }
  await killedRetry(daemon, ['--all'], 'effect-acknowledged:4')
  await retry(daemon, '--all')
  await expectOnce(14)
  await update(1)
  await expectOnce(15)
  expect(await letters(daemon)).toBe(0)
  // What left the store need not be remembered; of the four killed sends a few names may stay.
  const remembered = Number(await shop.redis.cli('--raw', 'SCARD', 'bingo:{bingo}:applied:retried'))
  expect(remembered).toBeLessThanOrEqual(4 * ROWS)
})

test('kill -9 of the daemon right after it wrote a dead letter, which is retried before it reads the event again', async () => {
  await using daemon = await start('changes')
  await park(daemon, 3)
  await daemon.stop('SIGKILL')
  daemon.spawn({ [FAILPOINT_VARIABLE]: 'dead-letter-written:1' })
  await update(1)
  await daemon.ended()
  expect(daemon.endedBy).toBe('SIGKILL')
  await accept()
  await retry(daemon, '--all')
  daemon.spawn()
  await daemon.ready()
  await update(1)
  await expectOnce(5)
  expect(await letters(daemon)).toBe(0)
})

test('repeated kill -9 of the daemon while dead letters are retried and changes continue', async () => {
  await using daemon = await start()
  await park(daemon, 5)
  await accept()
  let last = 5
  let writing = true
  const writer = (async () => {
    for (; writing; last++) {
      await update(1)
      await delay(5)
    }
  })()
  for (let cycle = 0; cycle < KILLS; cycle++) {
    const retrying = retry(daemon, '--all')
    await delay(150 * (cycle % 4))
    await daemon.stop('SIGKILL')
    await retrying
    daemon.spawn()
    await daemon.ready()
    await delay(100)
  }
  writing = false
  await writer
  await retry(daemon, '--all')
  await expectOnce(last)
})
