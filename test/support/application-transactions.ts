import type { Pool, PoolConnection } from 'mysql2'
import { expect } from 'vitest'
import { barrier } from '../../src/inbox/barrier/barrier.ts'
import { sqlBarrier } from '../../src/inbox/barrier/sql.ts'
import { createInbox } from '../../src/inbox/inbox.ts'
import { sqlInbox } from '../../src/inbox/sql.ts'
import { createOutbox } from '../../src/outbox/outbox.ts'
import { sqlOutbox } from '../../src/outbox/sql.ts'
import { commandHeaders } from './barrier-contract.ts'
import type { Transact } from './inbox-contract.ts'
import { entry } from './outbox-contract.ts'

let tables = 0

/** Transactions on connections of mysql2 that take callbacks. */
export function callbackTransact(pool: Pool): Transact {
  return async (work) => {
    const connection = await new Promise<PoolConnection>((resolve, reject) => {
      pool.getConnection((error, got) => (error ? reject(error) : resolve(got)))
    })
    try {
      await connection.promise().beginTransaction()
      const result = await work(connection)
      await connection.promise().commit()
      return result
    } catch (error) {
      await connection.promise().rollback()
      throw error
    } finally {
      connection.release()
    }
  }
}

/** Saves with a business row, in transactions that commit and that roll back, and sees what comes out. */
export async function checkTransactions(
  database: unknown,
  transact: Transact,
  insertOrder: (transaction: never, id: number) => Promise<unknown>,
  orders: () => Promise<number>,
): Promise<void> {
  const before = await orders()
  const outbox = createOutbox(sqlOutbox(database, { table: `application_outbox${++tables}` }))
  await outbox.setup()
  const save = async (number: number, fail: boolean): Promise<void> => {
    await transact(async (transaction) => {
      await insertOrder(transaction as never, number)
      await outbox.saveWithTransaction(transaction, [entry(number), entry(number + 100, { headers: null })])
      if (fail) throw new Error('rolled back')
    })
  }
  await save(tables * 1_000 + 1, false)
  await expect(save(tables * 1_000 + 2, true)).rejects.toThrow('rolled back')
  const published: unknown[] = []
  await outbox.processor({ publish: async ({ id, payload }) => void published.push([id, payload]) }).processOnce()
  const [first, second] = [tables * 1_000 + 1, tables * 1_000 + 101]
  expect(published).toEqual([first, second].map((number) => [`e-${number}`, entry(number).payload]))
  expect((await orders()) - before).toBe(1)
}

/** Messages are handled once, by whatever kind of transaction. */
export async function checkInbox(database: unknown, kinds: readonly Transact[]): Promise<void> {
  const inbox = createInbox(sqlInbox(database, { table: `application_inbox${++tables}` }))
  await inbox.setup()
  for (const [kind, transact] of kinds.entries()) {
    const message = { id: `m-${kind}`, handler: 'h' }
    const handle = () => transact((tx) => inbox.once(tx, message, () => ({ kind })))
    expect(await handle()).toEqual({ duplicate: false, result: { kind } })
    expect(await handle()).toEqual({ duplicate: true, result: { kind } })
  }
}

/** The barrier without a storage finds out by itself which database the transaction is of. */
export async function checkBarrier(database: unknown, kinds: readonly Transact[]): Promise<void> {
  await sqlBarrier(database).setup()
  for (const [kind, transact] of kinds.entries()) {
    const send = (operation: 'do' | 'undo', step: string) =>
      transact((tx) => barrier(tx, commandHeaders(operation, step), ({ done }) => ({ kind, done })))
    const step = `kind-${kind}`
    expect(await send('do', step)).toEqual({ outcome: 'first', result: { kind, done: null } })
    expect(await send('do', step)).toEqual({ outcome: 'repeated', result: { kind, done: null } })
    expect(await send('undo', step)).toEqual({ outcome: 'first', result: { kind, done: { kind, done: null } } })
    expect(await send('undo', `${step}-alone`)).toEqual({ outcome: 'nothing-to-undo', result: null })
    expect(await send('do', `${step}-alone`)).toEqual({ outcome: 'undone', result: null })
  }
}
