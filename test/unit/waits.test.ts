import { expect, test } from 'vitest'
import { followPages } from '../../src/log/follow.ts'
import { Kept } from '../../src/log/kept.ts'
import { followShare } from '../../src/log/sql/groups/shared-reader.ts'
import type { Intake } from '../../src/model/source/intake.ts'
import { groupSource } from '../../src/sources/custom/group-source.ts'
import { heldBytes } from '../support/heap.ts'

/** Racing each against one promise that lives as long as the daemon would keep some 300 bytes: 15 MB. */
const WAITS = 50_000
const FEW_BYTES = 5_000_000

const { signal } = new AbortController()

/** What is held more when `wait` was called so often, as long as whatever waits still runs. */
function counter() {
  let waits = 0
  let before = 0
  let held = NaN
  return {
    /** False: enough. */
    next(): boolean {
      waits += 1
      if (waits === 1_000) before = heldBytes()
      if (waits < WAITS) return true
      held = heldBytes() - before
      return false
    },
    get held(): number {
      return held
    },
  }
}

test('a reader that waits at the end of a log, again and again, keeps nothing of it', async () => {
  const waits = counter()
  let isOpen = true
  const page = () => {
    isOpen = waits.next()
    return []
  }
  const entries = { closed: () => !isOpen, page, more: () => Promise.resolve() }
  for await (const _ of followPages(entries, 0, { signal })) throw new Error('nothing was there')
  expect(waits.held).toBeLessThan(FEW_BYTES)
})

test('a reader of a shared group, too', async () => {
  const waits = counter()
  let isOpen = true
  const share = () => {
    isOpen = waits.next()
    return Promise.resolve({ readable: [] } as never)
  }
  const entries = {
    closed: () => !isOpen,
    page: () => [],
    more: () => Promise.resolve(),
    share,
    isCurrent: () => true,
    skip: () => Promise.resolve(),
  }
  for await (const _ of followShare(entries, { signal })) throw new Error('nothing was there')
  expect(waits.held).toBeLessThan(FEW_BYTES)
})

test('a custom source keeps nothing of the groups that it has handed in', async () => {
  const waits = counter()
  const source = groupSource<{ at: number }>({
    name: 'own',
    async *read() {
      for (let at = 0; waits.next(); at++) yield { id: `g${at}`, changes: [], end: { at } }
    },
  })
  const into = { begin: () => undefined, commit: () => undefined } as unknown as Intake<{ at: number }>
  await source.run(into as never, null, signal)
  expect(waits.held).toBeLessThan(FEW_BYTES)
})

test('connections keep nothing of the work that was done with them', async () => {
  const waits = counter()
  const kept = new Kept({
    description: 'test://log',
    open: () => Promise.resolve({}),
    close: () => Promise.resolve(),
    timeoutMs: 60_000,
  })
  while (waits.next()) await kept.use(() => Promise.resolve())
  expect(waits.held).toBeLessThan(FEW_BYTES)
})
