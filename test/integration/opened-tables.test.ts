import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cleanup } from '../../src/app/outbox/cleanup.ts'
import type { OutboxCounters } from '../../src/model/event/posted/outbox-counters.ts'
import { systemClock } from '../../src/model/clock.ts'
import { compileTablePattern } from '../../src/rules/table-pattern.ts'
import { ControlConnection } from '../../src/sources/mysql/server/login/control-connection.ts'
import { preflight } from '../../src/sources/mysql/server/preflight/preflight.ts'
import { readServerFacts } from '../../src/sources/mysql/server/server-facts.ts'
import { parseSourceUrl } from '../../src/sources/mysql/source-address.ts'
import { silentLog } from '../support/jobs.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { startOlder } from '../support/servers/older-servers.ts'
import { bingo } from './cli-process.ts'

/** Tables that nobody asks about. */
const OTHERS = 120
/** The tables asked about, the server's own that any statement may open, and none of the others. */
const FEW = 40

const others = Array.from(
  { length: OTHERS },
  (_, i) =>
    `CREATE TABLE warehouse.t${i} (id INT PRIMARY KEY, twice INT AS (id * 2) VIRTUAL, processed_at DATETIME(3));`,
).join('\n')

const TABLES = `
CREATE DATABASE shop; CREATE DATABASE warehouse; CREATE DATABASE app;
CREATE TABLE shop.orders (id INT PRIMARY KEY, total INT);
CREATE TABLE app.outbox (id INT PRIMARY KEY, payload TEXT, processed_at DATETIME(3), retry_count INT, last_error TEXT);
${others}`

const OUTBOX = { matches: compileTablePattern('app.outbox')!, after: 'mark', id: 'id' } as const

/**
 * MariaDB and MySQL before 8.0 open each table that INFORMATION_SCHEMA is asked about, and one server crashed in that; newer
 * ones have a data dictionary.
 */
describe.each([
  ['MariaDB 10.11', (): Promise<SqlServer> => startMariadb({ version: '10.11' })],
  ['MySQL 5.7', (): Promise<SqlServer> => startOlder('mysql-5.7')],
])('%s', (_name, start) => {
  let server: SqlServer
  let folder: string
  beforeAll(async () => {
    server = await start()
    await server.query(TABLES)
    folder = await mkdtemp(join(tmpdir(), 'bingo-opened-'))
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  /** How many definitions of tables the server opened for it. */
  async function openedBy(ask: (control: ControlConnection) => Promise<unknown>): Promise<number> {
    const opened = async (): Promise<number> => {
      const [row] = await server.query("SHOW GLOBAL STATUS LIKE 'Opened_table_definitions'")
      return Number(row!['Value'])
    }
    await server.query('FLUSH TABLES')
    const before = await opened()
    const control = new ControlConnection(parseSourceUrl(server.url), {
      connectTimeoutMs: 30_000,
      queryTimeoutMs: 30_000,
    })
    try {
      await ask(control)
    } finally {
      control.close()
    }
    return (await opened()) - before
  }

  test('a scan of all tables would be noticed', async () => {
    const scan = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'SYSTEM VERSIONED'"
    expect(await openedBy((control) => control.query(scan))).toBeGreaterThanOrEqual(OTHERS)
  })

  test('preflight opens the tables that rules and outboxes name only', async () => {
    const opened = await openedBy(async (control) =>
      preflight({
        control,
        facts: await readServerFacts(control),
        serverId: 77,
        start: { tag: 'latest' },
        oneOfSeveral: true,
        wants: compileTablePattern('shop.*')!,
        outboxes: [OUTBOX],
      }),
    )
    expect(opened).toBeLessThan(FEW)
  })

  test('check --online opens the tables that rules name only', async () => {
    const rules = join(folder, 'rules.yaml')
    await writeFile(rules, 'rules: [{id: r, table: shop.orders, filter: "new.nothing > 0", actions: [{type: log}]}]')
    const opened = await openedBy(async () => {
      const { stderr } = await bingo(['check', '--online'], {
        env: { BINGO_SOURCE_URL: server.url, BINGO_RULES: rules },
      })
      expect(stderr).toContain('nothing')
    })
    expect(opened).toBeLessThan(FEW)
  })

  test('cleaning an outbox opens the outbox only', async () => {
    await server.query("INSERT INTO app.outbox (id, processed_at) VALUES (1, '2020-01-01'), (2, NULL)")
    const counters = new Map<string, OutboxCounters>()
    const left = async (): Promise<number> => (await server.query('SELECT id FROM app.outbox')).length
    const opened = await openedBy(async (connection) => {
      using _cleanup = new Cleanup([{ table: 'app.*', cleanup: { everyMs: 50, afterMs: 1_000 } } as never], {
        connection,
        counters,
        log: silentLog,
        clock: systemClock,
      })
      await expect.poll(left).toBe(1)
    })
    expect(opened).toBeLessThan(FEW)
  })
})
