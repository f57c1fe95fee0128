import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

/** Names that every JavaScript object, every Map or every generated function has a meaning for. */
const NAMES = ['constructor', '__proto__', 'prototype', 'hasOwnProperty', 'toString', 'valueOf', 'get', 'size', 'then']

type SqlServer = Awaited<ReturnType<typeof startMysql>>
type RedisServer = Awaited<ReturnType<typeof startRedis>>
let sql: SqlServer
let redis: RedisServer
let receiver: WebhookReceiver

beforeAll(async () => {
  ;[sql, redis, receiver] = await Promise.all([startMysql(), startRedis({}), WebhookReceiver.start()])
  await sql.query('CREATE DATABASE `constructor`')
  const columns = NAMES.map((name) => `\`${name}\` VARCHAR(20) NOT NULL`)
  await sql.query(`CREATE TABLE \`constructor\`.\`__proto__\` (id INT PRIMARY KEY, j JSON, ${columns.join(', ')})`)
})

afterAll(async () => {
  await receiver?.[Symbol.asyncDispose]()
  await Promise.all([sql?.stop(), redis?.stop()])
})

/** Plain comparisons are compiled, the rest is the engine's: both see the same columns. */
const FILTER = NAMES.map(
  (name) =>
    `new.${name} == 'v-${name}' && new['${name}'].startsWith('v') && '${name}' in new && has(new.j.${name}) && ` +
    `new.j.${name}.n == 1 && [new.${name}].exists(each, each == 'v-${name}')`,
).join(' && ')

const RULES = `rules:
  - id: odd
    table: "constructor.__proto__"
    events: [INSERT]
    filter: ${JSON.stringify(FILTER)}
    actions:
      - {type: redis, cmd: SET, key: "odd:${NAMES.map((name) => `{{${name}}}`).join(':')}", value: "{{json new}}"}
      - {type: webhook, url: "URL", body: {${NAMES.map((name) => `"${name}": "{{new.${name}}}"`).join(', ')}, event: "{{event.id}}"}}
      - {type: webhook, url: "URL"}
`

test('columns may be called like parts of every object, through filter, template, Redis and webhook', async () => {
  const document = `{${NAMES.map((name) => `"${name}": {"n": 1}`).join(', ')}}`
  await using _bingo = await Daemon.start({
    rules: RULES.replaceAll('URL', receiver.url),
    sourceUrl: sql.url,
    env: { BINGO_REDIS_URL: redis.url },
  })
  const values = NAMES.map((name) => `'v-${name}'`)
  await sql.query(`INSERT INTO \`constructor\`.\`__proto__\` VALUES (1, '${document}', ${values.join(', ')})`)
  await eventually('both webhooks came', () => receiver.requests.length === 2)
  const stored = (await redis.cli('GET', `odd:${NAMES.map((name) => `v-${name}`).join(':')}`)).trim()
  const columns = NAMES.map((name) => `"${name}":"v-${name}"`).join(',')
  const json = `{${NAMES.map((name) => `"${name}":{"n":1}`).join(',')}}`
  expect(sorted(stored)).toBe(sorted(`{"id":1,"j":${json},${columns}}`))
  const [body, event] = receiver.requests.map((request) => request.body)
  expect(sorted(body!)).toContain(sorted(`{${columns}}`).slice(1, -1).split(',')[0]!)
  for (const name of NAMES) expect(body).toContain(`"${name}":"v-${name}"`)
  expect(sorted(event!)).toContain(sorted(`{"id":1,"j":${json},${columns}}`))
})

/** Objects as text with their members sorted; JSON.parse keeps a member called __proto__ as one of its own. */
function sorted(text: string): string {
  const print = (value: unknown): string =>
    typeof value === 'object' && value !== null
      ? `{${Object.entries(value)
          .map(([name, member]) => `${JSON.stringify(name)}:${print(member)}`)
          .sort()
          .join(',')}}`
      : JSON.stringify(value)
  return print(JSON.parse(text))
}
