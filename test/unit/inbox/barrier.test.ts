import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { barrier, createBarrier } from '../../../src/inbox/barrier/barrier.ts'
import { sagaCommandOf } from '../../../src/inbox/barrier/headers.ts'
import { MemoryBarrier } from '../../../src/inbox/barrier/memory.ts'
import { sqlBarrier } from '../../../src/inbox/barrier/sql.ts'
import { commandHeaders, describeBarrier } from '../../support/barrier-contract.ts'
import type { Transact } from '../../support/inbox-contract.ts'

const database = new DatabaseSync(':memory:')
let tables = 0

const transact: Transact = async (work) => {
  database.exec('BEGIN')
  try {
    const result = await work(database)
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

describe('a barrier in SQLite', () => {
  describeBarrier(async () => sqlBarrier(database, { table: `barrier${++tables}` }), transact, true)

  test('Tables and databases that cannot be one are refused', () => {
    const refused = expect.objectContaining({ code: 'BINGO_BARRIER_DATABASE' })
    expect(() => sqlBarrier(database, { table: 'a b' })).toThrow(refused)
    expect(() => sqlBarrier({})).toThrow(refused)
  })

  test('The barrier without a storage uses the table saga_barrier of the transaction', async () => {
    await sqlBarrier(database).setup()
    const send = () => transact((tx) => barrier(tx, commandHeaders('do'), () => 7))
    expect(await send()).toEqual({ outcome: 'first', result: 7 })
    expect(await send()).toEqual({ outcome: 'repeated', result: 7 })
    await expect(barrier({}, commandHeaders('do'))).rejects.toMatchObject({ code: 'BINGO_BARRIER_TRANSACTION' })
    await expect(barrier(database, commandHeaders('do'))).rejects.toMatchObject({ code: 'BINGO_BARRIER_TRANSACTION' })
  })

  test('A result that JSON cannot say is an error of its work, and the command did not come', async () => {
    const odd = createBarrier(sqlBarrier(database, { table: 'odd' }))
    await odd.setup()
    const failed = transact((tx) => odd(tx, commandHeaders('do'), () => 1n))
    await expect(failed).rejects.toMatchObject({ code: 'BINGO_BARRIER_RESULT' })
    expect(await transact((tx) => odd(tx, commandHeaders('do'), () => 1))).toMatchObject({ outcome: 'first' })
  })
})

test('A barrier in memory lets commands through once, and forgets them by their age until it is told to stop', async () => {
  let now = 1_000_000
  const storage = new MemoryBarrier({ now: () => now })
  const passes = createBarrier(storage)
  const send = (operation: 'do' | 'undo', step: string) => passes(null, commandHeaders(operation, step), () => step)
  expect(await send('do', 'a')).toEqual({ outcome: 'first', result: 'a' })
  expect(await send('do', 'a')).toEqual({ outcome: 'repeated', result: 'a' })
  now = Date.now() + 60_000
  await send('undo', 'b')
  const stop = new AbortController()
  passes.cleanup({ keepMs: 1_000, signal: stop.signal })
  stop.abort()
  await expect.poll(() => send('do', 'a')).toMatchObject({ outcome: 'first' })
  expect(await send('do', 'b')).toEqual({ outcome: 'undone', result: null })
})

const expected = { saga: 'order_fulfilment/o-17', step: 'reserve', operation: 'undo', attempt: 2 }

test('Headers are read as HTTP servers, Kafka, NATS, AMQP and gRPC clients hand them over', () => {
  const plain = commandHeaders('undo', 'reserve', 2)
  const upper = Object.fromEntries(Object.entries(plain).map(([name, value]) => [name.toUpperCase(), value]))
  const bytes = Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, Buffer.from(value)]))
  const lists = new Map(Object.entries(plain).map(([name, value]) => [name, [value]]))
  for (const headers of [plain, upper, bytes, lists, new Headers(plain), new Map(Object.entries(bytes))]) {
    expect(sagaCommandOf(headers)).toEqual(expected)
  }
})

test.each([
  ['bingo-saga', undefined, "The header `bingo-saga` of a saga's command is missing"],
  ['bingo-saga', 'x'.repeat(512), "The header `bingo-saga` of a saga's command is longer than 511 characters"],
  ['bingo-step', '', "The header `bingo-step` of a saga's command must not be empty"],
  ['bingo-op', undefined, "The header `bingo-op` of a saga's command is missing"],
  ['bingo-op', 'DO', 'The header `bingo-op` of a saga\'s command must be "do" or "undo", got "DO"'],
])('A %s of %s is an error that names it', (header, value, message) => {
  expect(() => sagaCommandOf({ ...commandHeaders('do'), [header]: value })).toThrow(
    expect.objectContaining({ code: 'BINGO_BARRIER_HEADERS', message }),
  )
})

test('An attempt that is missing or no number is unknown, not an error', () => {
  for (const attempt of [undefined, 'x']) {
    expect(sagaCommandOf({ ...commandHeaders('do'), 'bingo-attempt': attempt }).attempt).toBe(null)
  }
})
