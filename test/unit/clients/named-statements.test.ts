import type { Pool } from 'pg'
import { expect, test } from 'vitest'
import { PostgresDatabase } from '../../../src/clients/sql/postgres.ts'

interface Named {
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
}

/** `refuse`: the error for a statement that has a name. */
function poolOf(refuse: string | null): { readonly pool: Pool; readonly run: Named[] } {
  const run: Named[] = []
  const query = async (asked: string | Named, values: readonly unknown[] = []) => {
    if (typeof asked !== 'string' && refuse !== null) throw Object.assign(new Error('refused'), { code: refuse })
    run.push(typeof asked === 'string' ? { name: '', text: asked, values } : asked)
    return { rowCount: 1, rows: [] }
  }
  return { pool: { query } as unknown as Pool, run }
}

test('a named statement is sent with its name, and any other without', async () => {
  const { pool, run } = poolOf(null)
  const database = new PostgresDatabase(pool)
  await database.runNamed('append', 'INSERT $1', [1])
  await database.run('SELECT ?', [2])
  expect(run).toEqual([
    { name: 'append', text: 'INSERT $1', values: [1] },
    { name: '', text: 'SELECT $1', values: [2] },
  ])
})

test.each(['26000', '42P05'])('behind a pooler that refuses names (%s), the statement is run without', async (code) => {
  const { pool, run } = poolOf(code)
  const database = new PostgresDatabase(pool)
  for (const value of [1, 2]) await database.runNamed('append', 'INSERT $1', [value])
  expect(run).toEqual([1, 2].map((value) => ({ name: '', text: 'INSERT $1', values: [value] })))
})

test('a row that a named statement may not insert is not inserted without the name', async () => {
  const { pool, run } = poolOf('23505')
  await expect(new PostgresDatabase(pool).runNamed('append', 'INSERT $1', [1])).rejects.toMatchObject({ code: '23505' })
  expect(run).toEqual([])
})
