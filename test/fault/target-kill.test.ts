import { afterAll, beforeAll, expect, test } from 'vitest'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { inForm } from '../support/forms.ts'
import { OUTLETS } from './targets/all.ts'
import { breakTarget } from './targets/break-run.ts'
import { overLine } from './targets/over-line.ts'

/** 100,000 changes and 20 s for every target: npm run faults -- targets. */
const SHORT = {
  how: 'kill',
  changes: inForm({ short: 800, long: 2_000 }),
  rows: 100,
  pauseMs: 10,
  downMs: 2_000,
} as const

let mysql: SqlServer

beforeAll(async () => {
  mysql = await startMysql({ gtid: true })
})
afterAll(() => mysql?.stop())

test.each(['redis-list', 'kafka', 'rabbitmq', 'nats', 'webhook', 'webhook-threads', 'grpc-threads'])(
  'a target that is killed under load and comes back loses, reorders and invents nothing: %s',
  async (name) => {
    await using outlet = await OUTLETS.get(name)!()
    const result = await breakTarget(mysql, outlet, SHORT)
    expect(result.verdict).toMatchObject({ lost: [], reordered: [], phantoms: [], changedIds: [] })
    expect(result.deliveredBefore).toBeLessThan(result.changes)
    expect(result.deadLetters).toBe(0)
  },
)

// Redis keeps a connection that owes a reply for 30 s, and so takes as long: npm run faults -- half-open-redis-list.
test.each(['webhook', 'kafka'])(
  'a target whose line goes dead without a word is told, and reached over a new line: %s',
  async (name) => {
    await using outlet = await overLine(OUTLETS.get(name)!)
    const env = { BINGO_DELIVERY_TIMEOUT: '1s' }
    const result = await breakTarget(mysql, outlet, { ...SHORT, how: 'half-open', env })
    expect(result.verdict).toMatchObject({ lost: [], reordered: [], phantoms: [], changedIds: [] })
    expect(result.deadLetters).toBe(0)
  },
)
