import { expect, test } from 'vitest'
import type { StoredRecord, WaitingRecord, WaitingShape, WaitingStore } from '../../../../src/model/delivery/waiting.ts'
import { MemoryWaitingStore } from '../../../../src/state/waiting/memory-store.ts'
import { record, SHAPE } from './contract.ts'
import { fc } from '../../../support/properties.ts'

const LINES = ['spool/a', 'spool/b', 'delay/rule']
const IDENTITIES = ['first', 'second']
const shapes = IDENTITIES.map((identity): WaitingShape => ({
  ...SHAPE,
  action: { ...SHAPE.action, identity, ofRule: IDENTITIES },
}))

interface Some {
  readonly first: number
  readonly count: number
  readonly line: number
  readonly action: number
}

/** What is done to both stores; parts of a whole name records by where they stand in what is there. */
type Step =
  | { readonly tag: 'add'; readonly some: readonly Some[] }
  | {
      readonly tag: 'remove' | 'move' | 'replace'
      readonly line: number
      readonly from: number
      readonly count: number
    }
  | { readonly tag: 'of key'; readonly number: number }
  | { readonly tag: 'open again' }

const line = fc.nat(LINES.length - 1)
const some = fc.record({ first: fc.nat(400), count: fc.integer({ min: 1, max: 300 }), line, action: fc.nat(1) })
const part = fc.record({
  tag: fc.constantFrom('remove' as const, 'remove' as const, 'move' as const, 'replace' as const),
  line,
  from: fc.nat(300),
  count: fc.integer({ min: 1, max: 200 }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ tag: fc.constant('add' as const), some: fc.array(some, { minLength: 1, maxLength: 3 }) }),
  },
  { weight: 5, arbitrary: part },
  { weight: 1, arbitrary: fc.record({ tag: fc.constant('of key' as const), number: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ tag: 'open again' as const }) },
)

function recordsOf({ first, count, line: place, action }: Some, round: number): WaitingRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const number = first + i
    // Some are of a binlog, others are named by whoever posted them.
    const event = number % 7 === 0 ? `posted-${number}` : `uuid:${number >> 2}/${number & 3}`
    const id = `${event}#rule#${IDENTITIES[action]!}`
    const more = { id, line: LINES[place]!, shape: shapes[action]!, rowKey: `key ${number % 21}` }
    return record(number, { ...more, event: JSON.stringify({ number, round, text: 'é'.repeat(number % 5) }) })
  })
}

class Both {
  readonly stores: [WaitingStore, WaitingStore]

  constructor(stores: [WaitingStore, WaitingStore]) {
    this.stores = stores
  }

  all(store: WaitingStore, name: string): Promise<readonly StoredRecord[]> {
    return store.page(name, 0, 100_000)
  }

  async run(step: Step, round: number): Promise<void> {
    for (const store of this.stores) await this.runOn(store, step, round)
  }

  private async runOn(store: WaitingStore, step: Step, round: number): Promise<void> {
    if (step.tag === 'add') await store.add(step.some.flatMap((each) => recordsOf(each, round)))
    if (step.tag === 'of key' || step.tag === 'add' || step.tag === 'open again') return
    const there = (await this.all(store, LINES[step.line]!)).slice(step.from, step.from + step.count)
    if (step.tag === 'remove') await store.remove(there.map(({ seq }) => seq))
    if (step.tag === 'replace') {
      await store.replace(there.map((each) => ({ ...each, rowKey: `key ${round % 21}`, event: `{"round":${round}}` })))
    }
    if (step.tag === 'move') {
      const to = LINES[(step.line + 1) % LINES.length]!
      await store.add(there.map(({ seq, bytes: _bytes, ...each }) => ({ ...each, line: to, from: seq })))
    }
  }
}

const without = ({ seq: _seq, ...rest }: StoredRecord): Omit<StoredRecord, 'seq'> => rest

/** Each call of what `newPlace` gives is another connection to one and the same place. */
export function describeLikeMemory(newPlace: () => () => WaitingStore, numRuns: number): void {
  test('holds what memory would, whatever is added, moved, changed and removed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const open = newPlace()
        const both = new Both([new MemoryWaitingStore(), open()])
        for (const [round, each] of steps.entries()) {
          await both.run(each, round)
          const [memory] = both.stores
          if (each.tag === 'open again') {
            await both.stores[1].close()
            both.stores[1] = open()
          }
          const [, store] = both.stores
          const number = each.tag === 'of key' ? each.number : null
          const ofKey = async (of: WaitingStore) =>
            number === null ? [] : (await of.ofKey(LINES[2]!, `key ${number}`)).map(without)
          expect(await ofKey(store)).toEqual(await ofKey(memory))
          for (const name of LINES) {
            const [expected, found] = [await both.all(memory, name), await both.all(store, name)]
            expect(found.map(without)).toEqual(expected.map(without))
            const middle = found.length >> 1
            const page = await store.page(name, found[middle]?.seq ?? 0, 150)
            expect(page).toEqual(found.slice(middle + 1, middle + 151))
          }
          const totals = async (of: WaitingStore) =>
            (await of.lines())
              .map(({ shapes: _shapes, ...rest }) => rest)
              .toSorted((a, b) => (a.line < b.line ? -1 : 1))
          expect(await totals(store)).toEqual(await totals(memory))
        }
        await both.stores[1].close()
      }),
      { numRuns },
    )
  }, 240_000)
}
