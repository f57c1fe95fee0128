import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from '../../src/targets/sql/action.ts'
import type { Row } from '../../src/model/event/row.ts'
import type { DeliveryFailure, Sendable } from '../../src/model/rule/action.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { change, silentLog, tableDef } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()
const summary = (failure: DeliveryFailure | null) => failure && `${failure.kind} ${failure.error.code}`
const REFUSED = 'poison BINGO_SQL_REFUSED'
const WAITS = 'down BINGO_SQL_UNREACHABLE'
const SECRET = 'value-of-a-row'

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
] as const)('what %s answers', (name, start) => {
  let server: Awaited<ReturnType<typeof start>>

  beforeAll(async () => {
    // Far from UTC, so that a time that is taken for local shows.
    server = await start({ args: ['--default-time-zone=+05:30', '--max-allowed-packet=1M'] })
    await server.query('CREATE DATABASE audit')
    await server.query(`CREATE TABLE audit.log (id INT, kind ENUM('a', 'b'), n TINYINT UNSIGNED, at TIMESTAMP(3) NULL,
      day DATETIME(3), note LONGTEXT, doc JSON, CHECK (id < 1000))`)
    await server.query(`CREATE TRIGGER audit.guard BEFORE INSERT ON audit.log FOR EACH ROW
      BEGIN IF NEW.id = 99 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${SECRET}'; END IF;
        IF NEW.id = 98 THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31001, MESSAGE_TEXT = '${SECRET}'; END IF; END`)
    await server.query("CREATE USER app@'%' IDENTIFIED BY 'secret'")
    await server.query("GRANT INSERT ON audit.log TO app@'%'")
  })
  afterAll(() => server.stop())

  const asApp = (): string => `${server.url.replace(/\/\/[^@]*@/, '//app:secret@')}/audit`

  /** One event through a target of its own, and then a plain one through the same target. */
  async function outcome(
    statement: string,
    params: unknown[],
    row: Row = { id: 1, status: 1 },
    url = `${server.url}/audit`,
  ) {
    const { plan, problems } = compile({ type: 'sql', url, statement, params }, { timeoutMs: 10_000 })
    expect(problems).toEqual([])
    const target = await sql.open(plan.target, { log: silentLog, now: Date.now })
    const { plan: plain } = compile({ type: 'sql', url, statement: 'DO 1' }, { timeoutMs: 10_000 })
    try {
      const failure = (await target.send([jobFor(plan, row)], signal))?.[0] ?? null
      const next = (await target.send([jobFor(plain, row)], signal))?.[0] ?? null
      return { failure, next }
    } finally {
      await target.close()
    }
  }
  const insert = (column: string): string => `INSERT INTO log (${column}) VALUES (?)`

  test.each([
    ['a value that an ENUM does not have', 'kind', 'c'],
    ['a number that is out of range', 'n', 300],
    ['a text where a number belongs', 'n', 'many'],
    ['a time that is none', 'at', 'yesterday'],
    ['a document that is no JSON', 'doc', '{'],
    ['a CHECK that does not hold', 'id', 5000],
    ['a trigger that refuses', 'id', 99],
    ['a trigger that refuses with a number of its own', 'id', 98],
  ])('%s is poison, and the server stays up', async (_, column, value) => {
    const { failure, next } = await outcome(insert(column), [value])
    expect([summary(failure), next]).toEqual([REFUSED, null])
    expect(failure?.error.message).not.toContain(SECRET)
    expect(failure?.answer).toEqual({ status: expect.stringMatching(/^\d{4,5}$/), text: expect.stringMatching(/./) })
  })

  test('a value that exceeds max_allowed_packet is poison, alone and in a batch', async () => {
    const { failure, next } = await outcome(insert('note'), ['x'.repeat(1_100_000)])
    expect([summary(failure), next]).toEqual([REFUSED, null])
    expect(failure?.error.hint).toContain('max_allowed_packet')
  })

  test('an instant is stored as that instant, whatever the time zone of the server is', async () => {
    const table = tableDef(['id', 'at', 'note'])
    const columns = table.columns.map((column) => (column.name === 'at' ? { ...column, type: 17 } : column))
    const at = '2026-11-20T10:11:12.500Z'
    const from = change('insert', null, { id: 7, at, note: '2026-11-20T10:11:12Z' }, 0, { ...table, columns })
    const statement = 'INSERT INTO log (id, at, day, note) VALUES (?, ?, ?, ?)'
    const params = ['{{id}}', '{{at}}', '{{at}}', '{{note}}']
    const { plan } = compile({ type: 'sql', url: `${server.url}/audit`, statement, params }, { timeoutMs: 10_000 })
    const target = await sql.open(plan.target, { log: silentLog, now: Date.now })
    const job = { ...jobFor(plan, { id: 7, at, note: 'x' }), payload: plan.bind(from.table)(from) } as Sendable
    expect(await target.send([job], signal)).toBeUndefined()
    await target.close()
    const query = 'SELECT UNIX_TIMESTAMP(at) AS at, CAST(day AS CHAR) AS day, note FROM audit.log WHERE id = 7'
    const [row] = (await server.query(query)) as { at: string; day: string; note: string }[]
    expect(Number(row?.at)).toBe(Date.parse(at) / 1000)
    expect(row).toMatchObject({ day: '2026-11-20 10:11:12.500', note: '2026-11-20T10:11:12Z' })
  })

  test('a user without the right to the statement waits for the right', async () => {
    const { failure } = await outcome('DELETE FROM log WHERE id = ?', [1], undefined, asApp())
    expect(summary(failure)).toBe(WAITS)
    expect(failure?.error.hint).toContain('Grant')
  })

  test('an account that is locked, and one whose password has expired, wait', async () => {
    expect((await outcome(insert('id'), [1], undefined, asApp())).failure).toBeNull()
    for (const [state, back, hint] of [
      ['ACCOUNT LOCK', 'ACCOUNT UNLOCK', 'ACCOUNT UNLOCK'],
      ['PASSWORD EXPIRE', "IDENTIFIED BY 'secret'", 'expired'],
    ]) {
      await server.query(`ALTER USER app@'%' ${state}`)
      const { failure } = await outcome(insert('id'), [1], undefined, asApp())
      expect([state, summary(failure)]).toEqual([state, WAITS])
      expect(failure?.error.hint).toContain(hint)
      await server.query(`ALTER USER app@'%' ${back}`)
    }
    expect((await outcome(insert('id'), [1], undefined, asApp())).failure).toBeNull()
  })

  test('a server that is read-only waits', async () => {
    await server.query('SET GLOBAL read_only = ON')
    const { failure } = await outcome(insert('id'), [1], undefined, asApp())
    await server.query('SET GLOBAL read_only = OFF')
    expect(summary(failure)).toBe(WAITS)
    expect(failure?.error.hint).toContain('read-only')
  })

  test('a server that denies all logins is down', async () => {
    const close =
      name === 'MySQL' ? 'SET GLOBAL offline_mode = ON' : "ALTER USER app@'%' WITH MAX_CONNECTIONS_PER_HOUR 1"
    const reopen =
      name === 'MySQL' ? 'SET GLOBAL offline_mode = OFF' : "ALTER USER app@'%' WITH MAX_CONNECTIONS_PER_HOUR 0"
    await server.query(close)
    let last: DeliveryFailure | null = null
    for (let i = 0; i < 3; i++) last = (await outcome(insert('id'), [1], undefined, asApp())).failure
    await server.query(reopen)
    expect(summary(last)).toBe(WAITS)
    expect(last?.error.hint).toMatch(/offline_mode|PER_HOUR/)
  })
})
