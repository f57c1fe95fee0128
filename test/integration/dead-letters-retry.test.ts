import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { besides, eventually } from '../support/daemon.ts'
import type { Daemon } from '../support/daemon.ts'
import { startRedis } from '../support/servers/redis.ts'
import { useShopRows } from '../support/shop-rows.ts'
import { bingo, MAIN } from './cli-process.ts'
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts'

const RULES = `rules:
  - id: history
    table: shop.rows
    actions:
      - {type: redis, cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}} {{event.id}}"}
`
const ROWS = 10

const shop = useShopRows()

function start(store: 'file' | 'redis', env: Record<string, string> = {}): Promise<Daemon> {
  const letters = store === 'redis' ? { BINGO_DEAD_LETTERS_STORE: shop.redis.url.replace(/\/?$/, '/1') } : undefined
  return shop.start(RULES, { ...letters, ...env })
}

/** Keys of another type: RPUSH is refused, and their rows are parked. */
async function refuseRows(): Promise<void> {
  for (let id = 1; id <= ROWS; id++) await shop.redis.cli('SET', `row:${id}`, 'not a list')
}

async function acceptRows(): Promise<void> {
  await shop.redis.cli('DEL', ...Array.from({ length: ROWS }, (_, i) => `row:${i + 1}`))
}

async function insertRows(): Promise<void> {
  const values = Array.from({ length: ROWS }, (_, i) => `(${i + 1}, 1)`).join(',')
  await shop.mysql.query(`INSERT INTO shop.rows VALUES ${values}`)
}

interface Arrived {
  readonly seq: number
  readonly id: string
}

async function arrived(row: number): Promise<Arrived[]> {
  const lines = await shop.list(`row:${row}`)
  return lines.map((line) => ({ seq: Number(line.split(' ')[0]), id: line.split(' ')[1]! }))
}

const letters = async (daemon: Daemon): Promise<number> => (await daemon.metric('bingo_dead_letters')) ?? -1

describe.each(['file', 'redis'] as const)('with dead letters in %s', (store) => {
  test('a retry next to the daemon, under load, keeps every row in order, each change once', async () => {
    await using daemon = await start(store)
    await refuseRows()
    await insertRows()
    let writing = true
    let last = 1
    const writer = (async () => {
      for (; writing; last++) {
        await shop.mysql.query('UPDATE shop.rows SET seq = seq + 1')
        await delay(10)
      }
    })()
    await eventually('events are parked', async () => (await letters(daemon)) > ROWS * 10)
    await acceptRows()
    const retried = await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) })
    expect(retried.stderr).toBe('')
    expect(retried.stdout).toMatch(/^[1-9]\d* delivered, 0 remaining\n$/)
    expect(await letters(daemon)).toBe(0)
    await delay(200)
    writing = false
    await writer
    for (let row = 1; row <= ROWS; row++) {
      await eventually(`row ${row} is complete`, async () => (await arrived(row)).length >= last)
      expect((await arrived(row)).map(({ seq }) => seq)).toEqual(Array.from({ length: last }, (_, i) => i + 1))
    }
    expect(await letters(daemon)).toBe(0)
  })
})

test('kill -9 in the middle of a retry loses nothing; what is sent twice has the same id', async () => {
  await using daemon = await start('file')
  await refuseRows()
  await insertRows()
  const last = 60
  for (let seq = 2; seq <= last; seq++) await shop.mysql.query('UPDATE shop.rows SET seq = seq + 1')
  await eventually('all are parked', async () => (await letters(daemon)) === ROWS * last)
  await acceptRows()
  const child = spawn(process.execPath, [MAIN, 'dead-letters', 'retry', '--all'], {
    cwd: '/tmp',
    env: { ...CHILD_ENVIRONMENT, ...besides(daemon) } as NodeJS.ProcessEnv,
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  await eventually('it sends', async () => (await arrived(1)).length > 0)
  child.kill('SIGKILL')
  await ended
  let code: number | null = null
  await eventually('the lease of the killed one has ended', async () => {
    ;({ code } = await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) }))
    return code === 0
  })
  expect(await letters(daemon)).toBe(0)
  for (let row = 1; row <= ROWS; row++) {
    const seen = await arrived(row)
    const first = new Map(seen.toReversed().map(({ seq, id }) => [seq, id]))
    expect(seen.filter(({ seq, id }) => first.get(seq) !== id)).toEqual([])
    expect([...new Set(seen.map(({ seq }) => seq))]).toEqual(Array.from({ length: last }, (_, i) => i + 1))
  }
})

test('a full store makes the daemon wait and report it; with room it resumes, and nothing is lost', async () => {
  await using daemon = await start('file', { BINGO_DEAD_LETTERS_MAX_COUNT: '3' })
  await shop.redis.cli('SET', 'row:1', 'not a list')
  await shop.mysql.query('INSERT INTO shop.rows VALUES (1, 1)')
  for (let seq = 2; seq <= 6; seq++) await shop.mysql.query('UPDATE shop.rows SET seq = seq + 1')
  await eventually(
    'it says that it waits',
    async () => (await daemon.get('/readyz')).text.includes('BINGO_DEAD_LETTERS_FULL') && (await letters(daemon)) === 3,
  )
  await daemon.shows('bingo_dead_letters_blocked', 1)
  await shop.redis.cli('DEL', 'row:1')
  await eventually('everything arrived', async () => {
    await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) })
    return (await arrived(1)).length === 6
  })
  expect((await arrived(1)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6])
  await daemon.ready()
  await daemon.shows('bingo_dead_letters_blocked', 0)
})

test('a store that goes down makes the daemon wait and report it; once it is up, every event is kept', async () => {
  const store = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
  try {
    await using daemon = await start('file', { BINGO_DEAD_LETTERS_STORE: store.url })
    await refuseRows()
    await store.kill('SIGKILL')
    await insertRows()
    await eventually('it says that it waits', async () => {
      const { status, text } = await daemon.get('/readyz')
      return status === 503 && /BINGO_(DEAD_LETTERS|REDIS)_UNREACHABLE/.test(text)
    })
    expect((await bingo(['dead-letters', 'list'], { env: besides(daemon) })).code).toBe(4)
    await store.restart()
    await eventually('all are kept', async () => (await letters(daemon)) === ROWS)
    await daemon.ready()
    await acceptRows()
    const retried = await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) })
    expect(retried).toMatchObject({ code: 0, stdout: `${ROWS} delivered, 0 remaining\n` })
  } finally {
    await store.stop()
  }
})

test('a statement that failed is redelivered like any other event', async () => {
  const rules = `rules:
  - id: emptied
    table: shop.rows
    events: [TRUNCATE]
    actions:
      - {type: redis, cmd: RPUSH, key: "emptied:{{table}}", value: "{{event.query}}"}
`
  await using daemon = await shop.start(rules)
  await shop.redis.cli('SET', 'emptied:rows', 'not a list')
  await shop.mysql.query('TRUNCATE shop.rows')
  await eventually('it is parked', async () => (await letters(daemon)) === 1)
  await shop.redis.cli('DEL', 'emptied:rows')
  const retried = await bingo(['dead-letters', 'retry', '--table', 'shop.rows'], { env: besides(daemon) })
  expect(retried).toMatchObject({ code: 0, stdout: '1 delivered, 0 remaining\n' })
  expect(await shop.redis.cli('LINDEX', 'emptied:rows', '0')).toMatch(/truncate/i)
})

test('a `when` that failed is evaluated again, and a changed key is deleted together with the previous one', async () => {
  const rules = (when: string) => `rules:
  - id: cache
    table: shop.rows
    actions:
      - {type: redis, cmd: DEL, key: "cache:{{id}}", when: "${when}"}
`
  await using daemon = await shop.start(rules('8 / new.seq > 1'))
  await shop.redis.cli('MSET', 'cache:1', 'old', 'cache:2', 'old', 'cache:3', 'old')
  await shop.mysql.query('INSERT INTO shop.rows VALUES (1, 0), (2, 8)')
  await shop.mysql.query('UPDATE shop.rows SET id = 3, seq = 0 WHERE id = 2')
  await eventually('both are kept', async () => (await letters(daemon)) === 2)
  await writeFile(daemon.rulesFile, rules("op == 'update'"))
  const retried = await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) })
  expect(retried).toMatchObject({ code: 0, stdout: '1 delivered, 1 no longer matched, 0 remaining\n' })
  expect((await shop.redis.cli('--raw', 'KEYS', 'cache:*')).trim()).toBe('cache:1')
})
