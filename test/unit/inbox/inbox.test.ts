import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { createInbox } from '../../../src/inbox/inbox.ts'
import { MemoryInbox } from '../../../src/inbox/memory.ts'
import { sqlInbox } from '../../../src/inbox/sql.ts'
import { describeInbox } from '../../support/inbox-contract.ts'

const database = new DatabaseSync(':memory:')
let tables = 0

describe('an inbox in SQLite', () => {
  describeInbox(
    async () => sqlInbox(database, { table: `inbox${++tables}` }),
    async (work) => {
      database.exec('BEGIN')
      try {
        const result = await work(database)
        database.exec('COMMIT')
        return result
      } catch (error) {
        database.exec('ROLLBACK')
        throw error
      }
    },
    true,
  )

  test('Tables and databases that cannot be one are refused', () => {
    const refused = expect.objectContaining({ code: 'BINGO_INBOX_DATABASE' })
    expect(() => sqlInbox(database, { table: 'a b' })).toThrow(refused)
    expect(() => sqlInbox({})).toThrow(refused)
  })

  test('A result that JSON cannot say is an error of its handler', async () => {
    const inbox = createInbox(sqlInbox(database, { table: 'odd' }))
    await inbox.setup()
    database.exec('BEGIN')
    const handled = inbox.once(database, { id: '1', handler: 'h' }, () => 1n)
    await expect(handled).rejects.toMatchObject({ code: 'BINGO_INBOX_INVALID' })
    database.exec('ROLLBACK')
  })
})

test('An inbox in memory handles a message once, and forgets it by its age until it is told to stop', async () => {
  let now = 1_000_000
  const storage = new MemoryInbox({ now: () => now })
  const inbox = createInbox(storage)
  const message = { id: '1', handler: 'h' }
  expect(await inbox.once(null, message, () => 'a')).toEqual({ duplicate: false, result: 'a' })
  expect(await inbox.once(null, message, () => 'b')).toEqual({ duplicate: true, result: 'a' })
  now = Date.now() + 60_000
  const stop = new AbortController()
  const other = { id: '2', handler: 'h' }
  await inbox.once(null, other, () => 'c')
  inbox.cleanup({ keepMs: 1_000, signal: stop.signal })
  stop.abort()
  await expect.poll(() => storage.result(null, message)).toBe(null)
  expect(await inbox.once(null, other, () => 'd')).toEqual({ duplicate: true, result: 'c' })
})
