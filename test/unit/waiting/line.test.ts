import { expect, test } from 'vitest'
import { MemoryWaitingStore } from '../../../src/state/waiting/memory-store.ts'
import { action, CountingHold, job } from '../../support/jobs.ts'
import { memoryLines } from '../../support/waiting.ts'

const RULE = action()

/** A store that removes nothing before it is let to. */
class HeldStore extends MemoryWaitingStore {
  readonly may = Promise.withResolvers<void>()

  override async remove(places: readonly number[]): Promise<void> {
    await this.may.promise
    return super.remove(places)
  }
}

test('what has ended is not made again by whoever reads it before it is removed', async () => {
  const store = new HeldStore()
  const { lines } = memoryLines({ rules: [RULE.rule], files: [] }, { store })
  const line = lines.line('spool/crm')
  for (const id of [1, 2]) line.add(job({ id, seq: id, action: RULE, hold: new CountingHold() }), 0)
  await lines.flush()
  const [first, second] = await line.next(2)
  line.hold(first!, 1).release()
  line.back(first!)
  const again = await line.next(10)
  expect(again.map((record) => line.asItIs(record)?.id)).toEqual([undefined, second!.id])
  // Removed while somebody has it in hand.
  store.may.resolve()
  await lines.removed()
  expect(line.asItIs(first!)).toBeNull()
  expect(line.asItIs(second!)).toBe(second)
})

test('what is in hand is sent in its order when some of it comes again, and not when it is cancelled at its new place', async () => {
  const { lines, store } = memoryLines({ rules: [RULE.rule], files: [] })
  const line = lines.line('delay/crm')
  const add = (id: number): void => line.add(job({ id, seq: id, action: RULE, hold: new CountingHold() }), 0)
  for (const id of [1, 2, 3]) add(id)
  await lines.flush()
  const inHand = await line.next(3)
  // After a crash; the third may come again only after it was sent.
  for (const id of [1, 2]) add(id)
  await lines.flush()
  expect(inHand.map((record) => line.asItIs(record))).toEqual(inHand)
  const [first] = await store.page('delay/crm', inHand.at(-1)!.seq, 1)
  line.became([first!.seq], [])
  expect(inHand.map((record) => line.asItIs(record))).toEqual([null, inHand[1], inHand[2]])
})
