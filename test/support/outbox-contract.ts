import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { OutboxEntry, OutboxStorage, StoredOutboxEntry } from '../../src/outbox/contract.ts'
import { createOutbox } from '../../src/outbox/outbox.ts'

/** A new outbox with every call. What it answers opens storages on it, each with connections of its own. */
export type FreshOutbox = () => Promise<() => OutboxStorage>

export const entry = (number: number, more: Partial<OutboxEntry> = {}): OutboxEntry => ({
  id: `e-${number}`,
  topic: 'orders',
  aggregateId: 'a',
  type: 'order.placed',
  payload: { number, text: "Grüße 🙂 'x' \\" },
  headers: { trace: `t-${number}` },
  ...more,
})
const claim = { owner: 'me', limit: 100, leaseMs: 60_000 }
const ids = (entries: readonly { readonly id: string }[]): string[] => entries.map(({ id }) => id)

/** What every storage of an outbox promises, and what processors make of it. */
export function describeOutbox(fresh: FreshOutbox): void {
  const one = async (): Promise<OutboxStorage> => {
    const storage = (await fresh())()
    await storage.setup()
    await storage.setup()
    return storage
  }
  describeStorage(one)
  describeProcessors(fresh, one)
}

function describeStorage(one: () => Promise<OutboxStorage>): void {
  test('Entries come back as they were saved, the oldest first, and only while nobody has claimed them', async () => {
    const storage = await one()
    await storage.save(entry(1))
    const bare = { id: 'e-2', topic: 'mails', payload: null }
    await storage.saveBatch([bare, entry(3, { aggregateId: 'b' })])
    const [first, second, third] = await storage.fetchUnprocessed(claim)
    expect(first).toEqual({ ...entry(1), retryCount: 0 })
    expect(second).toEqual({ ...bare, aggregateId: null, type: null, headers: {}, retryCount: 0 })
    expect(third).toMatchObject({ id: 'e-3' })
    expect(await storage.fetchUnprocessed({ ...claim, owner: 'other' })).toEqual([])
    await storage.close()
  })

  test('A claim is extended, given back, and free when it has ended', async () => {
    const storage = await one()
    await storage.saveBatch([entry(1), entry(2, { aggregateId: 'b' })])
    const other = { ...claim, owner: 'other' }
    expect(ids(await storage.fetchUnprocessed({ ...claim, limit: 1 }))).toEqual(['e-1'])
    expect(ids(await storage.fetchUnprocessed(other))).toEqual(['e-2'])
    expect(await storage.renew(['e-1', 'e-2'], 'me', 60_000)).toBe(1)
    expect(await storage.renew(['e-1'], 'me', -1)).toBe(1)
    expect(ids(await storage.fetchUnprocessed(other))).toEqual(['e-1'])
    // It is the other's now.
    expect(await storage.markAsProcessed(['e-1'], 'me')).toBe(0)
    await storage.release(['e-1', 'e-2'], 'me')
    expect(await storage.fetchUnprocessed(claim)).toEqual([])
    await storage.release(['e-1', 'e-2'], 'other')
    expect(ids(await storage.fetchUnprocessed(claim))).toEqual(['e-1', 'e-2'])
    await storage.close()
  })

  test('Entries that were published or have failed do not come again, and retries come when they are due', async () => {
    const storage = await one()
    await storage.saveBatch([1, 2, 3, 4].map((number) => entry(number, { aggregateId: `a-${number}` })))
    await storage.fetchUnprocessed(claim)
    expect(await storage.markAsProcessed(['e-1'], 'me')).toBe(1)
    await storage.markAsFailed('e-2', 'gone')
    await storage.incrementRetry('e-3', 'later', 60_000)
    await storage.incrementRetry('e-4', 'now', -1)
    expect(await storage.fetchUnprocessed(claim)).toMatchObject([{ id: 'e-4', retryCount: 1 }])
    expect(await storage.delete(['e-4', 'unknown'])).toBe(1)
    expect(await storage.deleteProcessedBefore(new Date(Date.now() - 600_000))).toBe(0)
    expect(await storage.deleteProcessedBefore(new Date(Date.now() + 600_000))).toBe(1)
    await storage.close()
  })

  test('Nothing of an aggregate overtakes an entry that somebody else has, or that waits for its retry', async () => {
    const storage = await one()
    await storage.saveBatch([entry(1), entry(2), entry(3, { aggregateId: 'b' }), entry(4, { aggregateId: null })])
    expect(ids(await storage.fetchUnprocessed({ ...claim, limit: 1 }))).toEqual(['e-1'])
    expect(ids(await storage.fetchUnprocessed({ ...claim, owner: 'other' }))).toEqual(['e-3', 'e-4'])
    await storage.incrementRetry('e-1', 'later', 60_000)
    expect(await storage.fetchUnprocessed(claim)).toEqual([])
    await storage.markAsFailed('e-1', 'never')
    expect(ids(await storage.fetchUnprocessed(claim))).toEqual(['e-2'])
    await storage.close()
  })

  test('An id is stored once, and a batch is stored whole or not at all', async () => {
    const storage = await one()
    await storage.save(entry(1))
    const taken = expect.objectContaining({ code: 'BINGO_OUTBOX_ID_TAKEN' })
    await expect(storage.save(entry(1))).rejects.toEqual(taken)
    const many = Array.from({ length: 120 }, (_, i) => entry(i + 2))
    await expect(storage.saveBatch([...many, entry(1)])).rejects.toEqual(taken)
    expect(ids(await storage.fetchUnprocessed({ ...claim, limit: 500 }))).toEqual(['e-1'])
    await storage.saveBatch(many)
    await storage.release(['e-1'], 'me')
    expect(await storage.fetchUnprocessed({ ...claim, limit: 500 })).toHaveLength(121)
    await storage.close()
  })
}

function describeProcessors(fresh: FreshOutbox, one: () => Promise<OutboxStorage>): void {
  test('Saving without id or topic is an error, and so is what cannot be stored', async () => {
    const outbox = createOutbox(await one())
    const { id: _id, ...withoutId } = entry(1)
    const { topic: _topic, ...withoutTopic } = entry(1)
    const wrong = [withoutId, withoutTopic, entry(1, { id: '' }), entry(1, { topic: ' x' }), entry(1, { payload: 1n })]
    for (const each of [...wrong, entry(1, { headers: { a: 1 } as never })]) {
      const refused = expect.objectContaining({ code: 'BINGO_OUTBOX_ENTRY_INVALID' })
      await expect(outbox.saveForPublish(each as OutboxEntry)).rejects.toEqual(refused)
    }
    const published: string[] = []
    const publish = async ({ id }: StoredOutboxEntry): Promise<void> => void published.push(id)
    expect(await outbox.processor({ publish }).processOnce()).toBe(0)
    await outbox.close()
  })

  test('A processor publishes what is there and what comes, and stops when it is told to', async () => {
    const outbox = createOutbox(await one())
    const published: string[] = []
    const got = Promise.withResolvers<void>()
    const processor = outbox.processor({
      publish: async ({ id }) => {
        published.push(id)
        if (published.length === 3) got.resolve()
      },
      pollMs: 20,
    })
    await outbox.saveForPublish(entry(1))
    expect(await processor.processOnce()).toBe(1)
    await outbox.saveForPublish(entry(2))
    processor.start()
    await outbox.saveForPublish(entry(3))
    await got.promise
    await processor.stop()
    await outbox.saveForPublish(entry(4))
    expect(published).toEqual(['e-1', 'e-2', 'e-3'])
    await outbox.close()
  })

  test('A failed attempt is repeated, in the order of its aggregate, and given up after its retries', async () => {
    const storage = await one()
    const outbox = createOutbox(storage)
    await storage.saveBatch([entry(1), entry(2), entry(3, { aggregateId: 'b' })])
    const attempts: string[] = []
    const errors: unknown[] = []
    let left = 2
    const processor = outbox.processor({
      publish: async ({ id }) => {
        attempts.push(id)
        if (id === 'e-1' && left-- > 0) throw new Error('not now')
        if (id === 'e-3') throw new Error('never')
      },
      retryDelayMs: 0,
      maxRetries: 2,
      concurrency: 1,
      onError: (error, failed) => errors.push([failed?.id, (error as Error).message]),
    })
    const published: number[] = []
    for (let round = 0; round < 4; round++) {
      published.push(await processor.processOnce())
      // A retry that is due at once is due in this millisecond of the database.
      await delay(5)
    }
    expect(published).toEqual([0, 0, 2, 0])
    expect(attempts.filter((id) => id !== 'e-3')).toEqual(['e-1', 'e-1', 'e-1', 'e-2'])
    expect(attempts.filter((id) => id === 'e-3')).toHaveLength(3)
    expect(errors).toHaveLength(5)
    await outbox.close()
  })

  test('What was published is deleted where that is asked for', async () => {
    const storage = await one()
    const outbox = createOutbox(storage)
    await outbox.saveForPublish(entry(1))
    await outbox.processor({ publish: async () => undefined, after: 'delete' }).processOnce()
    expect(await storage.delete(['e-1'])).toBe(0)
    await outbox.close()
  })

  test('Several processors share the work: each entry is published once, each aggregate in its order', async () => {
    const open = await fresh()
    const outboxes = Array.from({ length: 4 }, () => createOutbox(open()))
    await outboxes[0]!.setup()
    const [aggregates, each] = [10, 20]
    const total = aggregates * each
    const published: StoredOutboxEntry[] = []
    const done = Promise.withResolvers<void>()
    const publish = async (message: StoredOutboxEntry): Promise<void> => {
      await delay(1)
      published.push(message)
      if (published.length >= total) done.resolve()
    }
    const processors = outboxes.map((outbox) => outbox.processor({ publish, batch: 15, pollMs: 5 }))
    for (const processor of processors) processor.start()
    for (let number = 0; number < total; number++) {
      await outboxes[number % 4]!.saveForPublish(entry(number, { aggregateId: `a-${number % aggregates}` }))
    }
    await done.promise
    await Promise.all(outboxes.map((outbox) => outbox.close()))
    expect(new Set(ids(published)).size).toBe(total)
    expect(published).toHaveLength(total)
    const last = new Map<string, number>()
    for (const { aggregateId, payload } of published) {
      const { number } = payload as { number: number }
      expect(number).toBeGreaterThan(last.get(aggregateId!) ?? -1)
      last.set(aggregateId!, number)
    }
  })
}
