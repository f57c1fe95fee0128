import { beforeEach, expect, test } from 'vitest'
import { DelayLine } from '../../../../src/flow/windows/delay-line.ts'
import { steadyWallTime } from '../../../../src/model/clock.ts'
import type { Clock } from '../../../../src/model/clock.ts'
import type { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
import type { RuleSet } from '../../../../src/model/rule/rule-set.ts'
import { MemoryWaitingStore } from '../../../../src/state/waiting/memory-store.ts'
import { Life, SimClock } from '../../../simulation/sim-clock.ts'
import { action, CountingHold, job } from '../../../support/jobs.ts'
import { memoryLines, type MemoryLines } from '../../../support/waiting.ts'

const DELAY_MS = 30_000
const HOUR_MS = 3_600_000
const RULE = action()
const RULES: RuleSet = { rules: [RULE.rule], files: [] }

let time: SimClock
let life = new Life()
let clock: Clock
let store: MemoryWaitingStore
let waiting: MemoryLines
let released: InFlightJob[]
let line: DelayLine

// The commit time of the jobs in test/support/jobs.ts, to the millisecond, is that of the simulated clock.
beforeEach(() => {
  time = new SimClock()
  store = new MemoryWaitingStore()
  start(DELAY_MS)
})

/** A process that finds what the one before it has stored. */
function start(delayMs: number): void {
  life.alive = false
  life = new Life()
  clock = time.of(life)
  released = []
  waiting = memoryLines(RULES, { clock, store })
  line = new DelayLine(delayMs, {
    clock,
    steadyNow: steadyWallTime(clock),
    reader: waiting.storedJobs.reader(waiting.lines.line('delay/rule')),
    release: (each) => released.push(each),
    hasRoom: () => true,
  })
}

async function restart(delayMs: number): Promise<void> {
  start(delayMs)
  await waiting.lines.open(new AbortController().signal)
  line.begin()
}

async function pass(ms: number): Promise<void> {
  await time.run(() => false, time.monotonicMs + ms)
}

function event(id: number, hold = new CountingHold()): InFlightJob {
  return job({ id, seq: id, action: RULE, hold })
}

const ids = (): unknown[] => released.map((each) => each.change.new!['id'])

test('an event leaves when its delay has passed since its commit', async () => {
  await pass(10_000)
  line.add(event(1))
  await pass(19_000)
  expect(released).toHaveLength(0)
  await pass(2_000)
  expect(released).toHaveLength(1)
})

test('an event that waits holds the checkpoint until it is durable, and leaves the store when it has ended', async () => {
  const hold = new CountingHold()
  line.add(event(1, hold))
  expect(hold.released).toBe(0)
  await pass(100)
  expect(hold.released).toBe(1)
  expect(await store.lines()).toMatchObject([{ line: 'delay/rule', count: 1 }])
  await pass(DELAY_MS)
  released[0]!.end()
  await pass(100)
  expect(await store.lines()).toEqual([])
  expect(line.empty).toBe(true)
})

test('a restart delivers what waits at its time, in order, and nothing of what has ended', async () => {
  for (const id of [1, 2, 3]) line.add(event(id))
  await pass(DELAY_MS + 100)
  released[0]!.end()
  await pass(100)
  await restart(DELAY_MS)
  await pass(100)
  expect(ids()).toEqual([2, 3])
})

test('an event that a crash brings again after it has ended comes before those that wait behind it', async () => {
  for (const id of [1, 2]) line.add(event(id))
  await pass(DELAY_MS + 100)
  released[0]!.end()
  await pass(100)
  await restart(HOUR_MS)
  for (const id of [1, 2]) line.add(event(id))
  await pass(HOUR_MS)
  expect(ids()).toEqual([1, 2])
})

test.each([HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS])(
  'a wall clock that is set by %i ms changes no delay, of what waits and of what comes',
  async (jumpMs) => {
    line.add(event(1))
    time.wallOffsetMs += jumpMs
    line.add(event(2))
    await pass(29_000)
    expect(released).toHaveLength(0)
    await pass(2_000)
    expect(released).toHaveLength(2)
  },
)

test('a clock that is behind the server’s makes no delay longer', async () => {
  time.wallOffsetMs -= HOUR_MS
  start(DELAY_MS)
  line.add(event(1))
  await pass(DELAY_MS + 100)
  expect(released).toHaveLength(1)
})

test('a clock that was set back while BinGo was down makes what waits wait once more, and all of it together', async () => {
  for (const id of [1, 2, 3]) line.add(event(id))
  await pass(100)
  time.wallOffsetMs -= HOUR_MS
  await restart(DELAY_MS)
  await pass(DELAY_MS + 100)
  expect(ids()).toEqual([1, 2, 3])
})

test('a changed delay applies to what waits, whose order stays', async () => {
  line.add(event(1))
  line.useDelay(10_000)
  await pass(9_000)
  expect(released).toHaveLength(0)
  line.add(event(2))
  await pass(1_100)
  expect(ids()).toEqual([1, 2])
  line.useDelay(60_000)
  line.add(event(3))
  await pass(40_000)
  expect(ids()).toEqual([1, 2])
  line.useDelay(0)
  await pass(100)
  expect(ids()).toEqual([1, 2, 3])
})

test('a delay of at most a second costs no write, and what waits then is stored by a clean stop', async () => {
  start(500)
  const hold = new CountingHold()
  line.add(event(1, hold))
  await pass(100)
  expect(await store.lines()).toEqual([])
  line.stop()
  await waiting.lines.flush()
  expect(hold.released).toBe(1)
  await restart(500)
  await pass(600)
  expect(ids()).toEqual([1])
})

test('while something of a rule is stored, its events wait behind it, also those without a delay', async () => {
  line.add(event(1))
  await pass(100)
  line.useDelay(0)
  line.add(event(2))
  expect(released).toHaveLength(0)
  await pass(100)
  expect(ids()).toEqual([1, 2])
  expect(line.empty).toBe(true)
})

test('thousands of events leave in order, page after page', async () => {
  for (let id = 1; id <= 3_000; id++) line.add(event(id))
  await pass(1_000)
  expect(waiting.lines.idle).toBe(true)
  await pass(DELAY_MS)
  expect(ids()).toEqual(Array.from({ length: 3_000 }, (_, i) => i + 1))
})
