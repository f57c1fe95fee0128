import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sql } from '../../src/act/actions/sql.ts'
import type { SendResult, Target } from '../../src/core/action.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/act/action-spec.ts'

const { signal } = new AbortController()
const summary = (result: SendResult) => result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
])('a SQL target on %s', (_, start) => {
  let server: Awaited<ReturnType<typeof start>>
  let target: Target

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
    server = await start()
    await server.query('CREATE DATABASE audit')
    await server.query(
      'CREATE TABLE audit.log (place INT AUTO_INCREMENT PRIMARY KEY, id INT UNIQUE, who VARCHAR(10) CHARACTER SET utf8mb4)',
    )
    target = await sql.open(plan().target, { log: silentLog, now: Date.now })
  })
  beforeEach(() => server.query('DELETE FROM audit.log'))
  afterAll(async () => {
    await target.close()
    await server.stop()
  })

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

  test('a server that is killed and comes back takes the events', async () => {
    await server.kill('SIGKILL')
    expect(summary(await send([{ id: 1, name: 'a' }]))).toEqual(['down BINGO_SQL_UNREACHABLE'])
    await server.restart()
    let result = await send([{ id: 1, name: 'a' }])
    while (result !== undefined && result[0]?.kind === 'down') result = await send([{ id: 1, name: 'a' }])
    expect(result).toBeUndefined()
    expect(await ids()).toEqual([1])
  })
})
