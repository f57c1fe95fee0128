import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { OUTLETS } from './targets/all.ts'
import type { Outlet } from './targets/outlet.ts'

/** They are the rows' primary keys: part of Redis keys, bodies, parameters, and of the key that Kafka partitions by. */
const HOSTILE = [
  '*2\r\n$8\r\nFLUSHALL\r\n$5\r\nASYNC\r\n',
  '"}\r\n\r\nPOST /admin HTTP/1.1\r\nhost: x\r\n\r\n',
  '{"events":[{"id":"forged"}]}',
  '\\"},{"id":"forged',
  '{{id}} {{json event}} {{constructor}} {{#each event}}x{{/each}}',
  '${env:PATH} ${file:/etc/passwd}',
  "'); DROP TABLE arrivals; --",
  '__proto__',
  'constructor',
  'line\nbreak\ttab\u0000nul\u0007bell\u001bescape',
  '\u2028\u2029\ufeff\u202e',
  '😀é\u0301ß漢',
  '* ? [a-z] ../../etc/passwd %00 %0d%0a',
]

let mysql: SqlServer
let outlets: readonly Outlet[]

beforeAll(async () => {
  mysql = await startMysql({ gtid: true })
  await mysql.query('CREATE DATABASE fault')
  await mysql.query(
    'CREATE TABLE fault.load (id VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, seq INT NOT NULL)',
  )
  outlets = await Promise.all([...OUTLETS.values()].map((start) => start()))
})
afterAll(async () => {
  await Promise.all([mysql, ...(outlets ?? [])].map((each) => each?.[Symbol.asyncDispose]()))
})

test('values that look like a protocol, a template or SQL reach every target as they are, and do nothing', async () => {
  const actions = outlets.map(({ action }) => `      - ${action}\n`).join('')
  const rules = `rules:\n  - id: arrivals\n    table: fault.load\n    actions:\n${actions}`
  await using bingo = await Daemon.start({ rules, sourceUrl: mysql.url })
  for (const value of HOSTILE) await mysql.query('INSERT INTO fault.load VALUES (?, 1)', [value])
  await mysql.query('UPDATE fault.load SET seq = 2')
  const delivered = HOSTILE.length * 2 * outlets.length
  await eventually(
    'everything was delivered',
    async () => (await bingo.metric('bingo_rule_delivered_total{rule="arrivals"}')) === delivered,
    60_000,
  )
  expect(await bingo.metric('bingo_dead_letters')).toBe(0)
  const states = (seq: number): string[] => HOSTILE.map((value) => JSON.stringify([value, seq]))
  for (const outlet of outlets) {
    const arrived = (await outlet.arrivals()).map(({ key, seq }) => JSON.stringify([key, seq]))
    const expected = outlet.keeps === 'state' ? states(2) : [...states(1), ...states(2)]
    expect([outlet.name, arrived.toSorted()]).toEqual([outlet.name, expected.toSorted()])
  }
})
