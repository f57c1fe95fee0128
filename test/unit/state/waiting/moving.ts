import { expect } from 'vitest'
import type { WaitingStore } from '../../../../src/model/delivery/waiting.ts'
import { record } from './contract.ts'

const WRITES = 100
const READS = 50

/** What stands in a line is read as it is at one moment, however it moves meanwhile. Two stores of the same place. */
export async function expectOneMoment(store: WaitingStore, reader: WaitingStore): Promise<void> {
  const halves = [1, 21].map((first) => Array.from({ length: 20 }, (_, i) => record(first + i)))
  await store.add(halves.flat())
  const firsts: number[] = []
  let isMoving = true
  const reading = (async () => {
    while (isMoving) {
      const seqs = (await reader.page('spool/crm', 0, 16)).map(({ seq }) => seq)
      expect(seqs).toEqual(Array.from({ length: 16 }, (_, i) => seqs[0]! + i))
      firsts.push(seqs[0]!)
    }
  })()
  const moving = (async () => {
    // A replay after a crash, time and again: the front half moves behind the other one.
    for (let turn = 0; turn < WRITES || firsts.length < READS; turn++) await store.add(halves[turn % 2]!)
  })()
  try {
    await Promise.race([moving, reading])
  } finally {
    isMoving = false
  }
  await reading
  // What stands first was read, whatever has moved: places only grow.
  expect(firsts).toEqual(firsts.toSorted((one, other) => one - other))
}
