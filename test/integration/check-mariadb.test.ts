import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMariadb } from '../support/servers/mariadb.ts'
import { bingo } from './cli-process.ts'

const TABLES = `
CREATE DATABASE shop;
CREATE TABLE shop.orders (id INT PRIMARY KEY, total DECIMAL(10,2) NOT NULL, state ENUM('new','paid') NOT NULL,
  doc JSON NOT NULL, u UUID NOT NULL, gross INT AS (id * 2) STORED, twice INT AS (id * 2) VIRTUAL);
CREATE TABLE shop.v (id INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (s, e), PRIMARY KEY (id)) WITH SYSTEM VERSIONING;`

interface Report {
  readonly ok: boolean
  readonly problems: readonly { readonly code: string; readonly message: string; readonly hint?: string }[]
}

describe('check --online of MariaDB 11.8 that has names in lower case', () => {
  let server: Awaited<ReturnType<typeof startMariadb>>
  let folder: string
  beforeAll(async () => {
    server = await startMariadb({ version: '11.8', args: ['--lower-case-table-names=1'] })
    await server.query(TABLES)
    folder = await mkdtemp(join(tmpdir(), 'bingo-check-'))
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  /** What is said of the rule, without what is said of the server. */
  async function check(rule: string): Promise<Report> {
    const rules = join(folder, 'rules.yaml')
    await writeFile(rules, `rules:\n  - {id: r, ${rule}}\n`)
    const env = { BINGO_SOURCE_URL: server.url, BINGO_RULES: rules }
    const { stdout } = await bingo(['check', '--online', '--json'], { env })
    const { ok, problems } = JSON.parse(stdout) as Report
    return { ok, problems: problems.filter(({ code }) => code.startsWith('BINGO_RULE')) }
  }

  test('knows the types and values of its columns', async () => {
    const wrong = await check('table: shop.orders, filter: "new.total > 100", actions: [{type: log}]')
    expect(wrong).toMatchObject({ ok: false, problems: [{ hint: expect.stringContaining('decimal(new.total)') }] })
    const never = await check(`table: shop.orders, filter: "new.state == 'payd'", actions: [{type: log}]`)
    expect(never.problems).toMatchObject([{ message: expect.stringContaining("never equals 'payd'") }])
    const filter = `decimal(new.total) > 1.0 && new.state == 'paid' && new.u != '' && new.doc.contains('a')`
    expect(await check(`table: shop.orders, events: [INSERT], filter: "${filter}", actions: [{type: log}]`)).toEqual({
      ok: true,
      problems: [],
    })
  })

  test('names the rules that read generated columns, which are not logged', async () => {
    const key = '{type: webhook, url: "http://127.0.0.1:1/{{new.gross}}"}'
    const { problems } = await check(
      `table: shop.orders, events: [UPDATE], filter: "new.twice != null && new.gross != null", actions: [${key}]`,
    )
    const unlogged = problems.filter(({ code }) => code === 'BINGO_RULE_UNLOGGED_COLUMN')
    expect(unlogged.map(({ message }) => /"(\w+)"/.exec(message)![1])).toEqual(['gross', 'twice', 'gross'])
  })

  test('warns of tables with generated columns, stored ones too', async () => {
    const rules = join(folder, 'rules.yaml')
    await writeFile(rules, 'rules: [{id: r, table: shop.orders, actions: [{type: log}]}]')
    const { stderr } = await bingo(['check', '--online'], { env: { BINGO_SOURCE_URL: server.url, BINGO_RULES: rules } })
    expect(stderr).toMatch(/BINGO_PREFLIGHT_GENERATED shop\.orders\.gross, shop\.orders\.twice are generated columns/)
  })

  test('leaves the end of a row’s version out of the key, and takes the period for logged', async () => {
    const action = (column: string): string =>
      `table: shop.v, actions: [{type: webhook, url: "http://127.0.0.1:1/{{key.${column}}}"}]`
    expect((await check(action('id'))).problems).toEqual([])
    expect((await check(action('e'))).problems).toMatchObject([{ message: expect.stringContaining('primary key') }])
    expect((await check('table: shop.v, filter: "new.s != null", actions: [{type: log}]')).problems).toEqual([])
  })

  test('says that a name with capital letters never matches', async () => {
    const { ok, problems } = await check('table: Shop.Orders, actions: [{type: log}]')
    expect(ok).toBe(true)
    expect(problems).toMatchObject([{ code: 'BINGO_RULE_TABLE_CASE', hint: 'write "shop.orders"' }])
  })
})
