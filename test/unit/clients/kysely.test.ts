import type { Pool } from 'pg'
import { expect, test } from 'vitest'
import { CompiledQuery, postgresQueries } from '../../../src/clients/kysely.ts'

interface Statement {
  readonly name: string | null
  readonly text: string
  readonly values: readonly unknown[]
}

/** A pool of one connection; `refuse`: the error for a statement that has a name. */
function poolOf(refuse: string | null): { readonly pool: Pool; readonly run: Statement[] } {
  const run: Statement[] = []
  const query = async (
    asked: string | { readonly name: string; readonly text: string; readonly values: readonly unknown[] },
    values: readonly unknown[] = [],
  ) => {
    if (typeof asked === 'string') run.push({ name: null, text: asked, values })
    else if (refuse !== null) throw Object.assign(new Error('refused'), { code: refuse })
    else run.push(asked)
    return { command: 'SELECT', rowCount: 0, rows: [] }
  }
  const client = { query, release: () => undefined }
  const pool = { connect: async () => client, end: async () => undefined, options: {} }
  return { pool: pool as unknown as Pool, run }
}

const PLANNED_ONCE = new Map([['INSERT 1', 'kept']])

test('a statement that is to be planned once has its name, and others have none', async () => {
  const { pool, run } = poolOf(null)
  const queries = postgresQueries(pool, ['SET x'], PLANNED_ONCE)
  for (const text of ['INSERT 1', 'INSERT 2', 'INSERT 1']) await queries.executeQuery(CompiledQuery.raw(text, [7]))
  await queries.destroy()
  expect(run).toEqual([
    { name: null, text: 'SET x', values: [] },
    { name: 'kept', text: 'INSERT 1', values: [7] },
    { name: null, text: 'INSERT 2', values: [7] },
    { name: 'kept', text: 'INSERT 1', values: [7] },
  ])
})

test.each([
  ['does not know the name', '26000'],
  ['has the name already', '42P05'],
])('behind a pooler whose connection %s, the statement is run without', async (_what, code) => {
  const { pool, run } = poolOf(code)
  const queries = postgresQueries(pool, [], PLANNED_ONCE)
  for (let i = 0; i < 2; i++) await queries.executeQuery(CompiledQuery.raw('INSERT 1', [i]))
  await queries.destroy()
  expect(run).toEqual([0, 1].map((i) => ({ name: null, text: 'INSERT 1', values: [i] })))
})

test('any other error of a named statement is that of the statement', async () => {
  const { pool, run } = poolOf('23505')
  const queries = postgresQueries(pool, [], PLANNED_ONCE)
  await expect(queries.executeQuery(CompiledQuery.raw('INSERT 1', []))).rejects.toMatchObject({ code: '23505' })
  await queries.destroy()
  expect(run).toEqual([])
})
