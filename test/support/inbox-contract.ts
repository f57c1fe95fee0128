import { expect, test } from 'vitest'
import type { InboxStorage } from '../../src/inbox/contract.ts'
import { createInbox } from '../../src/inbox/inbox.ts'

/** Runs work in a transaction of its own on the database of an inbox; rolls back when it rejects. */
export type Transact = <T>(work: (transaction: unknown) => Promise<T>) => Promise<T>

const message = { id: 'm-1', handler: 'mailer' }

/** What an inbox in a database promises, with whatever kind of transaction. `fresh`: a new table with every call. */
export function describeInbox(fresh: () => Promise<InboxStorage>, transact: Transact, sharesConnection = false): void {
  const one = async () => {
    const inbox = createInbox(await fresh())
    await inbox.setup()
    await inbox.setup()
    return inbox
  }

  test('A message is handled once per handler, and answers the stored result from then on', async () => {
    const inbox = await one()
    let handled = 0
    const handle = (handler: string) =>
      transact((tx) => inbox.once(tx, { ...message, handler }, async () => ({ handled: ++handled, text: 'Grüße 🙂' })))
    const result = { handled: 1, text: 'Grüße 🙂' }
    expect(await handle('mailer')).toEqual({ duplicate: false, result })
    expect(await handle('mailer')).toEqual({ duplicate: true, result })
    expect(await handle('stock')).toMatchObject({ duplicate: false, result: { handled: 2 } })
    expect(await handle('Mailer')).toMatchObject({ duplicate: false, result: { handled: 3 } })
  })

  test('A message whose transaction is rolled back was not handled', async () => {
    const inbox = await one()
    const failing = transact((tx) =>
      inbox.once(tx, message, () => {
        throw new Error('no')
      }),
    )
    await expect(failing).rejects.toThrow('no')
    expect(await transact((tx) => inbox.once(tx, message, () => 'done'))).toEqual({ duplicate: false, result: 'done' })
  })

  test('Work without a result is remembered too', async () => {
    const inbox = await one()
    const handle = () => transact((tx) => inbox.once(tx, message, () => undefined))
    expect(await handle()).toMatchObject({ duplicate: false })
    expect(await handle()).toEqual({ duplicate: true, result: null })
  })

  test('Old messages are forgotten', async () => {
    const inbox = await one()
    await transact((tx) => inbox.once(tx, message, () => 1))
    expect(await inbox.deleteReceivedBefore(new Date(Date.now() - 600_000))).toBe(0)
    expect(await inbox.deleteReceivedBefore(new Date(Date.now() + 600_000))).toBe(1)
    expect(await transact((tx) => inbox.once(tx, message, () => 2))).toEqual({ duplicate: false, result: 2 })
  })

  test('Ids and handlers that are missing are errors, and what is no transaction is one', async () => {
    const inbox = await one()
    const invalid = expect.objectContaining({ code: 'BINGO_INBOX_INVALID' })
    for (const wrong of [{ id: '', handler: 'h' }, { id: 'x' }]) {
      await expect(inbox.once({}, wrong as typeof message, () => 1)).rejects.toEqual(invalid)
    }
    for (const wrong of [undefined, null, {}, 7]) {
      await expect(inbox.once(wrong, message, () => 1)).rejects.toMatchObject({ code: 'BINGO_INBOX_TRANSACTION' })
    }
  })

  if (sharesConnection) return
  test('Of many deliveries at the same time one is handled, and the others wait for its result', async () => {
    const inbox = await one()
    let handled = 0
    const deliveries = Array.from({ length: 8 }, () =>
      transact((tx) => inbox.once(tx, message, async () => ({ handled: ++handled }))),
    )
    const results = await Promise.all(deliveries)
    expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect(results.map(({ result }) => result)).toEqual(Array.from({ length: 8 }, () => ({ handled: 1 })))
  })
}
