import { expect, test } from 'vitest'
import { DelayLine } from '../../../../src/flow/windows/delay-line.ts'
import { steadyWallTime } from '../../../../src/model/clock.ts'
import type { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
import { MemoryWaitingStore } from '../../../../src/state/waiting/memory-store.ts'
import { Random } from '../../../simulation/random.ts'
import { Life, SimClock } from '../../../simulation/sim-clock.ts'
import { action, CountingHold, job } from '../../../support/jobs.ts'
import { memoryLines } from '../../../support/waiting.ts'

const DELAY_MS = 1_000
const RULE = action()
const RULES = { rules: [RULE.rule], files: [] }
const KEYS = [1, 2, 3]

/** A store whose calls take some time. */
class SlowStore extends MemoryWaitingStore {
  private readonly pause: () => Promise<void>

  constructor(pause: () => Promise<void>) {
    super()
    this.pause = pause
  }

  override async add(...args: Parameters<MemoryWaitingStore['add']>) {
    await this.pause()
    return super.add(...args)
  }

  override async ofKey(...args: Parameters<MemoryWaitingStore['ofKey']>) {
    await this.pause()
    return super.ofKey(...args)
  }

  override async remove(...args: Parameters<MemoryWaitingStore['remove']>) {
    await this.pause()
    return super.remove(...args)
  }

  override async page(...args: Parameters<MemoryWaitingStore['page']>) {
    const page = await super.page(...args)
    await this.pause()
    return page
  }
}

function world(random: Random, aheadMs = 0) {
  const time = new SimClock()
  // Events are committed when the clock starts: by how much that of their server is ahead of ours.
  time.wallOffsetMs -= aheadMs
  const clock = time.of(new Life())
  const store = new SlowStore(() => clock.sleep(random.int(0, 60)))
  const { lines, storedJobs } = memoryLines(RULES, { clock, store })
  const released: { readonly seq: number; readonly atMs: number }[] = []
  const state = { readUpToMs: Infinity }
  const line = new DelayLine(DELAY_MS, {
    clock,
    steadyNow: steadyWallTime(clock),
    reader: storedJobs.reader(lines.line('delay/rule')),
    release: (each) => {
      released.push({ seq: each.change.seq, atMs: clock.monotonicMs() })
      each.end()
    },
    hasRoom: () => true,
    revises: () => true,
    readUpToMs: () => state.readUpToMs,
  })
  const pass = (ms: number): Promise<boolean> => time.run(() => false, time.monotonicMs + ms)
  return { clock, pass, line, released, lines, store, state }
}

function cancelOf(id: number, seq: number, hold: CountingHold): InFlightJob {
  const cancel = job({ id, seq, action: RULE, hold })
  cancel.markAs('cancel')
  return cancel
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  'a cancellation takes what waits of its key, and nothing that comes later, whatever is being written or read: seed %i',
  async (seed) => {
    const random = new Random(seed)
    const { clock, pass, line, released, lines, store } = world(random)
    const added = new Map<number, { readonly key: number; readonly atMs: number }>()
    const cancelled = new Map<number, number>()
    const holds: CountingHold[] = []
    for (let seq = 1; seq <= 60; seq += 1) {
      const key = random.pick(KEYS)
      const hold = new CountingHold()
      holds.push(hold)
      if (random.chance(0.3)) {
        for (const [of, { key: its }] of added)
          if (its === key && !cancelled.has(of)) cancelled.set(of, clock.monotonicMs())
        const cancel = cancelOf(key, seq, hold)
        if (line.empty) cancel.end()
        else line.revise(cancel)
      } else {
        added.set(seq, { key, atMs: clock.monotonicMs() })
        line.add(job({ id: key, seq, action: RULE, hold }))
      }
      await pass(random.int(0, 120))
    }
    await pass(20 * DELAY_MS)
    const sent = new Set(released.map(({ seq }) => seq))
    expect(released).toHaveLength(sent.size)
    const wrong = [...added.keys()].filter((seq) => {
      const cancelledAt = cancelled.get(seq)
      const releasedAt = released.find((each) => each.seq === seq)?.atMs
      // What was released before it was cancelled is gone; nothing is released after.
      return cancelledAt === undefined ? releasedAt === undefined : releasedAt !== undefined && releasedAt > cancelledAt
    })
    expect(wrong).toEqual([])
    expect(holds.every(({ released: times }) => times === 1)).toBe(true)
    expect(lines.idle).toBe(true)
    expect(await store.lines()).toEqual([])
  },
)

test('what is due waits for what was committed before that by the clock of the server, which may be ahead of ours', async () => {
  const { pass, line, released, state } = world(new Random(1), 3_600_000)
  state.readUpToMs = 1_700_000_000_000 + DELAY_MS / 2
  line.add(job({ id: 1, seq: 1, action: RULE, hold: new CountingHold() }))
  await pass(10 * DELAY_MS)
  expect(released).toEqual([])
  state.readUpToMs = 1_700_000_000_000 + 2 * DELAY_MS
  await pass(DELAY_MS)
  expect(released.map(({ seq }) => seq)).toEqual([1])
})

test('what was read, and came again after a crash, is cancelled at the place where it stands by then', async () => {
  const { pass, line, released, state, store } = world(new Random(1))
  state.readUpToMs = 0
  const added = (): InFlightJob => job({ id: 1, seq: 1, action: RULE, hold: new CountingHold() })
  line.add(added())
  // It is due, and in hand.
  await pass(10 * DELAY_MS)
  line.add(added())
  await pass(DELAY_MS)
  line.revise(cancelOf(1, 2, new CountingHold()))
  await pass(DELAY_MS)
  state.readUpToMs = Infinity
  await pass(10 * DELAY_MS)
  expect(released).toEqual([])
  expect(await store.lines()).toEqual([])
})

test('what is due waits until everything was read that was committed before that', async () => {
  const { pass, line, released, state } = world(new Random(1))
  state.readUpToMs = 0
  line.add(job({ id: 1, seq: 1, action: RULE, hold: new CountingHold() }))
  line.add(job({ id: 2, seq: 2, action: RULE, hold: new CountingHold() }))
  await pass(10 * DELAY_MS)
  expect(released).toEqual([])
  line.revise(cancelOf(1, 3, new CountingHold()))
  state.readUpToMs = Infinity
  await pass(DELAY_MS)
  expect(released.map(({ seq }) => seq)).toEqual([2])
})
