import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import type { OutboxStorage } from '../../../src/outbox/contract.ts'
import { MemoryOutbox } from '../../../src/outbox/memory.ts'
import { createOutbox } from '../../../src/outbox/outbox.ts'
import { sqlOutbox } from '../../../src/outbox/sql.ts'
import { Life, SimClock } from '../../simulation/sim-clock.ts'
import { describeOutbox, entry } from '../../support/outbox-contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-outbox-'))
let files = 0
afterAll(() => rmSync(folder, { recursive: true }))

const newFile = (): string => join(folder, `${++files}.db`)
const open = (path: string): DatabaseSync => {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = WAL')
  return database
}

describe('an outbox in memory', () => {
  describeOutbox(async () => {
    const storage = new MemoryOutbox()
    return () => storage
  })

  test('It takes part in no transaction', async () => {
    const outbox = createOutbox(new MemoryOutbox())
    const refused = expect.objectContaining({ code: 'BINGO_OUTBOX_TRANSACTION' })
    await expect(outbox.saveWithTransaction({}, entry(1))).rejects.toEqual(refused)
  })
})

describe('an outbox in SQLite', () => {
  describeOutbox(async () => {
    const path = newFile()
    return () => sqlOutbox(open(path))
  })

  test('An entry is saved with the transaction of node:sqlite, and gone with it', async () => {
    const path = newFile()
    const [own, application] = [open(path), open(path)]
    const outbox = createOutbox(sqlOutbox(own))
    await outbox.setup()
    application.exec('CREATE TABLE orders (id INTEGER)')
    for (const [number, end] of [
      [1, 'COMMIT'],
      [2, 'ROLLBACK'],
    ] as const) {
      application.exec(`BEGIN; INSERT INTO orders VALUES (${number})`)
      await outbox.saveWithTransaction(application, [entry(number), entry(number + 10)])
      application.exec(end)
    }
    // In one turn, as code without promises has it.
    application.exec('BEGIN')
    const saved = outbox.saveWithTransaction(application, entry(3))
    application.exec('COMMIT')
    await saved
    const published: string[] = []
    await outbox.processor({ publish: async ({ id }) => void published.push(id) }).processOnce()
    expect(published).toEqual(['e-1', 'e-11', 'e-3'])
  })

  test('What is no transaction is refused, and nothing joins a transaction of the application by accident', async () => {
    const database = open(newFile())
    const outbox = createOutbox(sqlOutbox(database))
    await outbox.setup()
    const refused = expect.objectContaining({ code: 'BINGO_OUTBOX_TRANSACTION' })
    for (const wrong of [undefined, null, {}, 'tx', database]) {
      await expect(outbox.saveWithTransaction(wrong, entry(1))).rejects.toEqual(refused)
    }
    database.exec('BEGIN')
    const unreachable = expect.objectContaining({ code: 'BINGO_OUTBOX_UNREACHABLE', retryable: true })
    await expect(outbox.saveForPublish(entry(1))).rejects.toEqual(unreachable)
    await expect(outbox.processor({ publish: async () => undefined }).processOnce()).rejects.toEqual(unreachable)
    database.exec('COMMIT')
    await outbox.saveForPublish(entry(1))
  })

  test('Tables and databases that cannot be one are refused', () => {
    const refused = expect.objectContaining({ code: 'BINGO_OUTBOX_DATABASE' })
    expect(() => sqlOutbox(open(newFile()), { table: 'x; DROP TABLE y' })).toThrow(refused)
    for (const wrong of [{}, 'mysql://x', null]) expect(() => sqlOutbox(wrong)).toThrow(refused)
  })
})

test('A processor survives a storage that fails, and publishes nothing whose claim has ended', async () => {
  const memory = new MemoryOutbox()
  const failing: OutboxStorage = Object.create(memory, {
    fetchUnprocessed: { value: failingTwice(memory) },
  }) as OutboxStorage
  // Methods of the class look for its private fields.
  for (const name of ['release', 'renew', 'markAsProcessed', 'close'] as const) {
    Object.defineProperty(failing, name, { value: memory[name].bind(memory) })
  }
  const outbox = createOutbox(failing)
  await memory.save(entry(1))
  const published = Promise.withResolvers<string>()
  const errors: string[] = []
  const processor = outbox.processor({
    publish: async ({ id }) => published.resolve(id),
    pollMs: 1,
    onError: (error) => errors.push((error as Error).message),
  })
  processor.start()
  expect(await published.promise).toBe('e-1')
  await processor.stop()
  expect(errors).toEqual(['down', 'down'])
})

function failingTwice(memory: MemoryOutbox): OutboxStorage['fetchUnprocessed'] {
  let left = 2
  return async (claim) => {
    if (left-- > 0) throw new Error('down')
    return memory.fetchUnprocessed(claim)
  }
}

test('Entries whose claims cannot be renewed are not published, and publishing is told to stop', async () => {
  const memory = new MemoryOutbox()
  await memory.saveBatch([entry(1), entry(2)])
  // Somebody else has them by then.
  memory.renew = async () => 0
  const attempts: string[] = []
  const processor = createOutbox(memory).processor({
    publish: async ({ id }, signal) => {
      attempts.push(id)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      throw new Error('stopped')
    },
    leaseMs: 60,
  })
  expect(await processor.processOnce()).toBe(0)
  expect(attempts).toEqual(['e-1'])
})

test('A processor keeps what it publishes for longer than a claim lasts, and another takes what a dead one had', async () => {
  const time = new SimClock()
  const clock = time.of(new Life())
  const memory = new MemoryOutbox(clock)
  await memory.saveBatch([entry(1), entry(2, { aggregateId: 'b' })])
  const release = Promise.withResolvers<void>()
  const live = createOutbox(memory, { clock }).processor({ publish: () => release.promise, leaseMs: 30_000, batch: 1 })
  const working = live.processOnce()
  // One that claims and dies.
  expect(await memory.fetchUnprocessed({ owner: 'dead', limit: 1, leaseMs: 30_000 })).toMatchObject([{ id: 'e-2' }])
  const others: string[] = []
  const other = createOutbox(memory, { clock }).processor({ publish: async ({ id }) => void others.push(id) })
  for (let passed = 5_000; passed <= 120_000; passed += 5_000) {
    await time.run(() => false, passed)
    await other.processOnce()
  }
  expect(others).toEqual(['e-2'])
  release.resolve()
  expect(await working).toBe(1)
})
