import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../src/targets/sql/action.ts'
import type { SendResult, Target } from '../../src/model/rule/action.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { eventually } from '../support/daemon.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()
/** A connection that is closed, with its locks, whatever becomes of the test. */
async function rivalOf(server: SqlServer) {
  const connection = await server.connect()
  return { query: (text: string) => connection.query(text), [Symbol.asyncDispose]: () => connection.end() }
}
const summary = (result: SendResult) => result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
])('a SQL target on %s', (_, start) => {
  let server: Awaited<ReturnType<typeof start>>
  let target: Target
  let authority: CertificateAuthority
  let stranger: CertificateAuthority

  const plan = (params: unknown[] = ['{{id}}', '{{name}}']) =>
    compile(
      { type: 'sql', url: `${server.url}/audit`, statement: 'INSERT INTO log (id, who) VALUES (?, ?)', params },
      { timeoutMs: 10_000 },
    ).plan
  const send = (rows: { id: number; name: string | null }[]): Promise<SendResult> =>
    target.send(
      rows.map((row, seq) => jobFor(plan(), row, seq)),
      signal,
    )
  const ids = async (): Promise<unknown> => {
    const rows = (await server.query('SELECT id FROM audit.log ORDER BY place')) as { id: number }[]
    return rows.map(({ id }) => id)
  }

  beforeAll(async () => {
    ;[authority, stranger] = await Promise.all([CertificateAuthority.create(), CertificateAuthority.create('Stranger')])
    const own = await authority.issue()
    const tls = [`--ssl-ca=${authority.caFile}`, `--ssl-cert=${own.certFile}`, `--ssl-key=${own.keyFile}`]
    server = await start({ args: tls })
    await server.query('CREATE DATABASE audit')
    await server.query('CREATE TABLE audit.counters (id INT PRIMARY KEY, n INT NOT NULL)')
    await server.query('INSERT INTO audit.counters VALUES (1, 0), (2, 0)')
    await server.query(
      'CREATE TABLE audit.log (place INT AUTO_INCREMENT PRIMARY KEY, id INT UNIQUE, who VARCHAR(10) CHARACTER SET utf8mb4)',
    )
    target = await sql.open(plan().target, { log: silentLog, now: Date.now })
  })
  beforeEach(() => server.query('DELETE FROM audit.log'))
  afterAll(async () => {
    await target.close()
    await server.stop()
    await Promise.all([authority, stranger].map((each) => each[Symbol.asyncDispose]()))
  })

  /** Another target on the same server, with a statement or TLS settings of its own; disposed of by the test. */
  async function another(
    fields: object,
    timeoutMs = 10_000,
  ): Promise<{ send: (...ids: number[]) => Promise<SendResult> } & AsyncDisposable> {
    const given = {
      type: 'sql',
      url: `${server.url}/audit`,
      statement: 'INSERT INTO log (id) VALUES (?)',
      params: ['{{id}}'],
    }
    const { plan: other, type, problems } = compile({ ...given, ...fields }, { timeoutMs })
    if (problems.length > 0) throw new Error(JSON.stringify(problems))
    const opened = await type.open(other.target, { log: silentLog, now: Date.now })
    return {
      send: (...all) =>
        opened.send(
          all.map((id, seq) => jobFor(other, { id, status: 1 }, seq)),
          signal,
        ),
      [Symbol.asyncDispose]: () => opened.close(),
    }
  }
  const COUNT = { statement: 'UPDATE counters SET n = n + 1 WHERE id = ?' }
  /** InnoDB shows its transactions as they were when they were last looked at, until nobody has looked for 100 ms. */
  const transactionThat = (what: string): Promise<void> =>
    eventually(`a transaction with ${what}`, async () => {
      await delay(150)
      return ((await server.query(`SELECT 1 FROM information_schema.innodb_trx WHERE ${what}`)) as unknown[]).length > 0
    })
  const waitsForLock = () => transactionThat("trx_state = 'LOCK WAIT'")

  test('runs the statement once per event, in order, with NULL and data that looks like SQL', async () => {
    expect(
      await send([
        { id: 2, name: "'); --" },
        { id: 1, name: null },
        { id: 3, name: '😀' },
      ]),
    ).toBeUndefined()
    expect(await ids()).toEqual([2, 1, 3])
    const rows = (await server.query('SELECT who FROM audit.log ORDER BY place')) as { who: string | null }[]
    expect(rows.map(({ who }) => who)).toEqual(["'); --", null, '😀'])
  })

  test('finds the event that the server refuses; the others are written', async () => {
    const result = await send([
      { id: 1, name: 'a' },
      { id: 2, name: 'much too long a name' },
      { id: 3, name: 'c' },
    ])
    expect(summary(result)).toEqual([null, 'poison BINGO_SQL_REFUSED', null])
    expect(result?.[1]?.error.message).not.toContain('much too long')
    expect(await ids()).toEqual([1, 3])
  })

  test('a server that is killed and restarted receives the events', async () => {
    await server.kill('SIGKILL')
    expect(summary(await send([{ id: 1, name: 'a' }]))).toEqual(['down BINGO_SQL_UNREACHABLE'])
    await server.restart()
    let result = await send([{ id: 1, name: 'a' }])
    while (result !== undefined && result[0]?.kind === 'down') result = await send([{ id: 1, name: 'a' }])
    expect(result).toBeUndefined()
    expect(await ids()).toEqual([1])
  })

  test('a server that is killed during a batch has applied all of it or none', async () => {
    const slow = 'INSERT INTO log (id) SELECT ? + SLEEP(0.02)'
    await using other = await another({ statement: slow })
    const all = Array.from({ length: 200 }, (_, i) => i + 1)
    const sending = other.send(...all)
    await transactionThat('trx_rows_modified > 3')
    await server.kill('SIGKILL')
    expect(new Set(summary(await sending))).toEqual(new Set(['down BINGO_SQL_UNREACHABLE']))
    await server.restart()
    expect(await ids()).toEqual([])
    let result = await send(all.map((id) => ({ id, name: 'a' })))
    for (let tries = 0; result?.[0]?.kind === 'down' && tries < 100; tries++) {
      result = await send(all.map((id) => ({ id, name: 'a' })))
    }
    expect(result).toBeUndefined()
    expect(await ids()).toEqual(all)
  })

  test('after a deadlock the batch is retried event by event', async () => {
    await using rival = await rivalOf(server)
    await rival.query('BEGIN')
    // The server gives up the transaction that has changed less.
    await rival.query('INSERT INTO audit.log (id) VALUES (901), (902), (903), (904), (905), (906)')
    await rival.query('UPDATE audit.counters SET n = n + 1 WHERE id = 1')
    await using other = await another(COUNT)
    const sending = other.send(2, 1)
    await waitsForLock()
    await rival.query('UPDATE audit.counters SET n = n + 1 WHERE id = 2')
    await rival.query('COMMIT')
    expect(await sending).toBeUndefined()
    expect(await server.query('SELECT id, n FROM audit.counters ORDER BY id')).toMatchObject([{ n: 2 }, { n: 2 }])
  })

  test('a row that stays locked is retried, not given up, and not treated as a server that is down', async () => {
    await server.query('SET GLOBAL innodb_lock_wait_timeout = 1')
    await using rival = await rivalOf(server)
    await rival.query('BEGIN')
    await rival.query('UPDATE audit.counters SET n = 100 WHERE id = 1')
    await using other = await another(COUNT)
    expect(summary(await other.send(1, 2))).toEqual(['unknown BINGO_SQL_REFUSED', null])
    await rival.query('ROLLBACK')
    expect(await other.send(1)).toBeUndefined()
  })

  test('a statement that is not answered in time waits, and says that it was the time', async () => {
    await using other = await another({ statement: 'DO SLEEP(? + 100)' }, 500)
    const [failure] = (await other.send(1)) ?? []
    expect(failure).toMatchObject({ kind: 'down', timedOut: true, error: { code: 'BINGO_SQL_UNREACHABLE' } })
  })

  test('a duplicate key is poison, and does not take its neighbours along', async () => {
    expect(await send([{ id: 7, name: 'a' }])).toBeUndefined()
    const rows = [8, 7, 9].map((id) => ({ id, name: 'b' }))
    expect(summary(await send(rows))).toEqual([null, 'poison BINGO_SQL_REFUSED', null])
    expect(await ids()).toEqual([7, 8, 9])
  })

  test.each([['without TLS'], ['with TLS']])('an answer without end is cut off, %s', async (how) => {
    const tls = how === 'with TLS' ? { ca: authority.caFile } : undefined
    const statement = "SELECT REPEAT('x', 1000000), ? FROM information_schema.columns"
    await using other = await another({ statement, ...(tls && { tls }) })
    const before = process.memoryUsage().rss
    const [failure] = (await other.send(1)) ?? []
    expect(failure).toMatchObject({ kind: 'down', error: { code: 'BINGO_SQL_UNREACHABLE' } })
    expect(failure?.error.message).toContain('an answer of more than')
    expect(process.memoryUsage().rss - before).toBeLessThan(1_000_000_000)
    await using next = await another({})
    expect(await next.send(1, 2, 3)).toBeUndefined()
  })

  test('TLS checks authority and name, and never falls back to plaintext', async () => {
    const verdict = async (tls: object) => {
      await using other = await another({ tls })
      return summary(await other.send(1))?.[0] ?? null
    }
    const waits = 'down BINGO_SQL_UNREACHABLE'
    expect(await verdict({ ca: stranger.caFile })).toBe(waits)
    expect(await verdict({})).toBe(waits)
    expect(await verdict({ ca: authority.caFile, servername: 'reports.internal' })).toBe(waits)
    expect(await ids()).toEqual([])
    expect(await verdict({ ca: authority.caFile })).toBeNull()
    await server.query('DELETE FROM audit.log')
    expect(await verdict({ ca: authority.caFile, servername: 'localhost' })).toBeNull()
  })
})
