import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { isClean, judge } from './checker.ts'
import type { Arrival } from './checker.ts'
import { randomFrom, Writer } from './writer.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)
const CYCLES = Number(process.env['BINGO_FAULT_CYCLES'] ?? 8)

const RULES = `rules:
  - id: stream
    table: fault.*
    actions:
      - type: redis
        cmd: XADD
        key: "arrivals"
        fields: {key: "{{table}}:{{id}}", seq: "{{new.seq}}", id: "{{event.id}}"}
`

let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>

beforeAll(async () => {
  ;[mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({})])
})

afterAll(async () => {
  await Promise.all([mysql?.stop(), redis?.stop()])
})

async function arrivals(): Promise<Arrival[]> {
  const lines = (await redis.cli('--raw', 'XRANGE', 'arrivals', '-', '+')).trim().split('\n')
  const found: Arrival[] = []
  for (let i = 0; i + 6 < lines.length + 1; i += 7) {
    const fields = new Map<string, string>()
    for (let j = i + 1; j < i + 7; j += 2) fields.set(lines[j]!, lines[j + 1]!)
    found.push({ key: fields.get('key')!, seq: Number(fields.get('seq')), id: fields.get('id')! })
  }
  return found
}

test(`${CYCLES} times kill -9 at random moments under load loses, reorders and invents nothing (seed ${SEED})`, async () => {
  const random = randomFrom(SEED)
  const writer = new Writer({ connect: () => mysql.connect(), seed: SEED, sessions: 4, keys: 40, pauseMs: 2 })
  await writer.prepare()
  await using bingo = await Daemon.start({
    rules: RULES,
    sourceUrl: mysql.url,
    env: { BINGO_REDIS_URL: redis.url, BINGO_CHECKPOINT_STORE: redis.url.replace(/\/?$/, '/1') },
  })
  await writer.insertRows()
  writer.start()
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    await delay(200 + random() * 1500)
    await bingo.stop('SIGKILL')
    await delay(random() * 300)
    bingo.spawn()
  }
  await bingo.ready()
  await writer.stop()
  const final = await writer.finalState()
  const writes = [...final.values()].reduce((a, b) => a + b, 0)
  await eventually('everything arrived', async () => judge(await arrivals(), final).lost.length === 0, 60_000)
  const verdict = judge(await arrivals(), final)
  expect(verdict).toMatchObject({ lost: [], reordered: [], phantoms: [], changedIds: [] })
  expect(isClean(verdict)).toBe(true)
  expect(writes).toBeGreaterThan(CYCLES * 100)
})
