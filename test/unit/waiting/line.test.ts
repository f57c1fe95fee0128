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
