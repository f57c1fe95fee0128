import { expect, test } from 'vitest'
import { systemClock } from '../../../../src/model/clock.ts'
import { BingoError } from '../../../../src/model/errors.ts'
import type { Change } from '../../../../src/model/event/change.ts'
import { PostedEvent } from '../../../../src/model/event/posted/posted-event.ts'
import { silentLog } from '../../../../src/model/silent-log.ts'
import type { Intake } from '../../../../src/model/source/intake.ts'
import { LogSource, type LogPosition } from '../../../../src/sources/log/log-source.ts'
import { newEvent } from '../../../support/events/new-event.ts'
import { MemoryEvents } from '../../../support/memory-events.ts'

/** Collects what is handed in. */
class Collected implements Intake<LogPosition> {
  readonly events: Change[] = []
  readonly ends: LogPosition[] = []
  private wake = Promise.withResolvers<void>()

  started(): void {}
  wants(): boolean {
    return true
  }
  begin(): void {}
  event(event: Change): void {
    this.events.push(event)
  }
  commit(end: LogPosition): void {
    this.ends.push(end)
    this.wake.resolve()
    this.wake = Promise.withResolvers()
  }
  rollback(): void {}
  rollbackTo(): void {}
  advance(): void {}
  async gap(): Promise<void> {}

  async until(count: number): Promise<void> {
    while (this.ends.length < count) await this.wake.promise
  }

  get ids(): string[] {
    return this.events.map(({ id }) => id)
  }
}

function setup(provider = new MemoryEvents()) {
  const stop = new AbortController()
  const post = (id: string) => provider.post([newEvent(id)], { now: Date.now(), onConflict: 'keep' })
  const source = () => new LogSource({ name: 'events', provider, group: 'rules', clock: systemClock, log: silentLog })
  const run = (from: LogSource, into: Collected, signal = stop.signal) => from.run(into as never, null, signal)
  return { provider, post, source, run, stop }
}

const pending = async (provider: MemoryEvents): Promise<number | undefined> =>
  (await provider.log.stats()).groups.find(({ name }) => name === 'rules')?.pending

test('entries are handed in as posted events, each a group of its own, as they come', async () => {
  const { post, source, run, stop } = setup()
  await post('one')
  const into = new Collected()
  const running = run(source(), into)
  await into.until(1)
  await post('two')
  await into.until(2)
  stop.abort()
  await running
  expect(into.ids).toEqual(['one', 'two'])
  expect(into.events[0]).toBeInstanceOf(PostedEvent)
  expect(new Set(into.ends).size).toBe(2)
})

test('what is finished is acknowledged; a restart reads again what is not', async () => {
  const { provider, post, source, run } = setup()
  for (const id of ['1', '2', '3']) await post(id)
  const first = source()
  const into = new Collected()
  const stop = new AbortController()
  const running = run(first, into, stop.signal)
  await into.until(3)
  first.finished(into.ends[1]!)
  stop.abort()
  await running
  await expect.poll(() => pending(provider)).toBe(1)
  const again = new Collected()
  const stopAgain = new AbortController()
  const second = run(source(), again, stopAgain.signal)
  await again.until(1)
  stopAgain.abort()
  await second
  expect(again.ids).toEqual(['3'])
})

test('nothing is handed in while there is a reason for a pause', async () => {
  const { post, source, run, stop } = setup()
  const paused = source()
  const [one, two] = [{}, {}]
  paused.pause(one)
  paused.pause(two)
  paused.pause(one)
  const into = new Collected()
  const running = run(paused, into)
  await post('1')
  paused.resume(one)
  await new Promise((resolve) => setImmediate(resolve))
  expect(into.ids).toEqual([])
  paused.resume(two)
  await into.until(1)
  stop.abort()
  await running
})

test('a log that cannot be read is asked again, and goes on behind what was handed in', async () => {
  const provider = new MemoryEvents()
  const { post, source, run, stop } = setup(provider)
  await post('1')
  const stats = provider.log.stats.bind(provider.log)
  let failures = 1
  provider.log.stats = async () => {
    if (failures-- > 0) throw new BingoError('BINGO_LOG_UNREACHABLE', 'gone', { retryable: true })
    return stats()
  }
  const reader = source()
  const into = new Collected()
  const running = run(reader, into)
  await into.until(1)
  expect(reader.state.connected).toBe(true)
  stop.abort()
  await running
})

test('a log that will never be read ends the source', async () => {
  const provider = new MemoryEvents()
  provider.log.stats = () => Promise.reject(new BingoError('BINGO_LOG_CORRUPT', 'broken'))
  const { source, run } = setup(provider)
  await expect(run(source(), new Collected())).rejects.toMatchObject({ code: 'BINGO_LOG_CORRUPT' })
})

test('acknowledging waits for the status of the events, and is made up for when it fails', async () => {
  const provider = new MemoryEvents()
  const { post, run, stop } = setup(provider)
  for (const id of ['1', '2']) await post(id)
  const done: string[] = []
  const ack = provider.log.ack.bind(provider.log)
  let failures = 1
  provider.log.ack = async (group, places) => {
    done.push(`ack ${places.length}`)
    if (failures-- > 0) throw new BingoError('BINGO_LOG_UNREACHABLE', 'gone', { retryable: true })
    return ack(group, places)
  }
  const status = {
    reads: () => undefined,
    hasRead: () => undefined,
    flushEnded: async () => void done.push('flush'),
  }
  const reader = new LogSource({ name: 'events', provider, group: 'rules', clock: systemClock, log: silentLog, status })
  const into = new Collected()
  const running = run(reader, into)
  await into.until(2)
  reader.finished(into.ends[0]!)
  await expect.poll(() => done).toEqual(['flush', 'ack 1'])
  reader.finished(into.ends[1]!)
  await expect.poll(() => done).toEqual(['flush', 'ack 1', 'flush', 'ack 2'])
  expect(await pending(provider)).toBe(0)
  stop.abort()
  await running
})

test('what another instance reads now is not acknowledged again', async () => {
  const provider = new MemoryEvents()
  const { post, source, run, stop } = setup(provider)
  for (const id of ['1', '2']) await post(id)
  const acked: number[] = []
  provider.log.ack = async (_group, places) => {
    acked.push(places.length)
    if (acked.length === 1) throw new BingoError('BINGO_LOG_GROUP_BUSY', 'lost', { retryable: true })
  }
  const reader = source()
  const into = new Collected()
  const running = run(reader, into)
  await into.until(2)
  reader.finished(into.ends[0]!)
  await expect.poll(() => acked).toEqual([1])
  reader.finished(into.ends[1]!)
  await expect.poll(() => acked).toEqual([1, 1])
  stop.abort()
  await running
})

test('what is finished counts as settled once the log has acknowledged it', async () => {
  const { provider, post, source, run, stop } = setup()
  await post('one')
  const into = new Collected()
  const reader = source()
  const running = run(reader, into)
  await into.until(1)
  const answered = Promise.withResolvers<void>()
  const ack = provider.log.ack.bind(provider.log)
  provider.log.ack = async (group, places) => {
    await answered.promise
    await ack(group, places)
  }
  reader.finished(into.ends[0]!)
  let isSettled = false
  const settled = reader.settled().then(() => (isSettled = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(isSettled).toBe(false)
  answered.resolve()
  await settled
  expect(await pending(provider)).toBe(0)
  stop.abort()
  await running
})
