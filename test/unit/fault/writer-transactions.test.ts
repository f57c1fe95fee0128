import { expect, test } from 'vitest'
import { rollBackPrepared, transaction } from '../../fault/writer-transactions.ts'

/** Answers XA RECOVER with what is prepared, keeps the statements, and fails where it is told to. */
function server(prepared: readonly string[], errno?: number) {
  const statements: string[] = []
  const connection = {
    query: (sql: string) => {
      statements.push(sql)
      if (sql.startsWith('XA ROLLBACK') && errno !== undefined) {
        return Promise.reject(Object.assign(new Error('XA'), { errno }))
      }
      return Promise.resolve(sql === 'XA RECOVER' ? [prepared.map((data) => ({ data }))] : [[]])
    },
    end: () => Promise.resolve(),
    destroy: () => undefined,
  }
  return { connection, statements }
}

/** Chance that falls on the XA transactions that are committed. */
const xaCommit = { random: () => 0.92, keys: 10, session: 1 }

test('A branch of an XA transaction has a name that was never used, whatever a killed server brings back', async () => {
  const { connection, statements } = server([])
  for (let n = 0; n < 3; n++) await transaction(connection, xaCommit)
  const started = statements.filter((sql) => sql.startsWith('XA START'))
  expect(started).toHaveLength(3)
  expect(new Set(started).size).toBe(3)
})

test("A session rolls back its own branches, and no other session's, before it begins a new one", async () => {
  const { connection, statements } = server(['writer-1-a', 'writer-11-b', 'writer-2-c', 'application'])
  await transaction(connection, xaCommit)
  expect(statements.slice(0, 3)).toEqual([
    'XA RECOVER',
    "XA ROLLBACK 'writer-1-a'",
    expect.stringContaining('XA START'),
  ])
})

test('A branch that no longer exists when it is rolled back is not a failure; one that cannot be rolled back is', async () => {
  await rollBackPrepared(server(['writer-1-a'], 1397).connection, 1)
  await expect(rollBackPrepared(server(['writer-1-a'], 1399).connection, 1)).rejects.toMatchObject({ errno: 1399 })
})
