import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore } from '../../src/event-store/create.ts'
import type { EventStore } from '../../src/event-store/contract.ts'
import { startDatabase, type DatabaseServer } from '../support/events/database-server.ts'
import { all, collect } from '../support/event-store/contract.ts'
import { inForm } from '../support/forms.ts'

const WRITERS = 64
const STREAMS = 8
const EACH = inForm({ short: 15, long: 30 })
const KILLS = inForm({ short: 2, long: 3 })

describe.each(['MySQL', 'MariaDB', 'PostgreSQL'] as const)('an event store in a %s that is killed', (kind) => {
  let server: DatabaseServer
  beforeAll(async () => {
    server = await startDatabase(kind)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test(`has each of the appends of ${WRITERS} writers once, which repeat them until they are answered`, async () => {
    const url = await server.create()
    await using store = createEventStore(url)
    await store.appendToStream('first', [{ id: 'first', type: 'pair.first', payload: null }])
    let answered = 0
    let failed = 0
    const append = async (writer: number, n: number): Promise<void> => {
      const ids = [`${writer}-${n}-a`, `${writer}-${n}-b`]
      const events = ids.map((id) => ({ id, type: 'pair.written', payload: { n } }))
      for (;;) {
        try {
          await store.appendToStream(`s${writer % STREAMS}`, events)
          answered += 1
          return
        } catch (error) {
          // Whether it was committed before the server died is not known; the ids make the repetition harmless.
          const { code, retryable } = error as { readonly code?: string; readonly retryable?: boolean }
          if (code !== 'BINGO_STORE_UNREACHABLE' || retryable !== true) throw error
          failed += 1
          await delay(50)
        }
      }
    }
    let isOver = false
    const write = async (writer: number): Promise<void> => {
      for (let n = 0; n < EACH; n++) await append(writer, n)
    }
    const writing = Promise.all(Array.from({ length: WRITERS }, (_, i) => write(i))).finally(() => (isOver = true))
    for (let kill = 1; kill <= KILLS; kill++) {
      // In the middle of the appends, however fast they are.
      while (!isOver && answered < (kill * WRITERS * EACH) / (KILLS + 1)) await delay(5)
      await server.kill()
      await server.restart()
    }
    await writing
    expect(failed).toBeGreaterThan(0)
    await expectComplete(store)
    await using later = createEventStore(url)
    await expectComplete(later)
    // Who reads from the beginning now sees what the others have seen.
    const total = 2 * WRITERS * EACH + 1
    const followed = await collect(later, (_, count) => count === total)
    expect(followed.map(({ id }) => id)).toEqual((await all(store.readAll())).map(({ id }) => id))
  })
})

async function expectComplete(store: EventStore): Promise<void> {
  const events = await all(store.readAll())
  const ids = events.map(({ id }) => id)
  const wanted = Array.from({ length: WRITERS * EACH }, (_, i) => `${i % WRITERS}-${Math.floor(i / WRITERS)}`)
  expect(ids.toSorted()).toEqual(['first', ...wanted.flatMap((name) => [`${name}-a`, `${name}-b`])].toSorted())
  for (let stream = 0; stream < STREAMS; stream++) {
    const versions = (await all(store.readStream(`s${stream}`))).map(({ version }) => version)
    expect(versions).toEqual(versions.map((_, i) => i + 1))
  }
  // The two of one append are side by side in their stream, and each writer's appends are in their order.
  const last = new Map<string, number>()
  for (const { id } of events) {
    const [writer, n, half] = id.split('-')
    if (half !== 'a') continue
    expect(Number(n)).toBe((last.get(writer!) ?? -1) + 1)
    last.set(writer!, Number(n))
  }
}
