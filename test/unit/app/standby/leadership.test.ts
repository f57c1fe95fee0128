import { systemClock } from '../../../../src/model/clock.ts'
import { expect, test } from 'vitest'
import type { LeaseAnswer, Lease } from '../../../../src/model/state/lease.ts'
import { createStats } from '../../../../src/model/stats.ts'
import { Leadership } from '../../../../src/app/standby/leadership.ts'
import { silentLog } from '../../../support/jobs.ts'

const TTL_MS = 9_000
const held: LeaseAnswer = { tag: 'held' }
const taken = (after: 'release' | 'silence' = 'silence'): LeaseAnswer => ({ tag: 'taken', after })
const other = (remainingMs = TTL_MS): LeaseAnswer => ({ tag: 'other', holder: 'host:1', remainingMs })

/** Time passes in `sleep` only, or when a test says so; each question takes the next answer, the last one for ever. */
function setUp(...answers: (LeaseAnswer | Error)[]) {
  const time = { ms: 1_000, wallMs: 1_000_000 }
  const pass = (ms: number) => {
    time.ms += ms
    time.wallMs += ms
  }
  const asked: number[] = []
  let released = 0
  const store: Lease = {
    description: 'a fake',
    ask: async () => {
      asked.push(time.ms)
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!
      if (answer instanceof Error) throw answer
      return answer
    },
    release: async () => void (released += 1),
    close: async () => undefined,
  }
  const clock = {
    ...systemClock,
    now: () => time.wallMs,
    monotonicMs: () => time.ms,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted()
      pass(ms)
    },
  }
  const { standby } = createStats(0)
  const leadership = new Leadership({ store, ttlMs: TTL_MS, clock, log: silentLog, state: standby })
  return { leadership, standby, time, pass, asked, released: () => released }
}

const never = new AbortController().signal

test('a free lease is acquired at once', async () => {
  const { leadership, standby, asked } = setUp(taken())
  expect(await leadership.win(never)).toBe(true)
  expect(leadership.valid).toBe(true)
  expect(standby.role).toBe('leader')
  expect(asked).toHaveLength(1)
})

test('a standby waits, reports the leader, and leads when the lease expires', async () => {
  const { leadership, standby, time } = setUp(other(800), other(300), taken())
  const won = leadership.win(never)
  expect(standby).toMatchObject({ role: 'standby' })
  expect(leadership.valid).toBe(false)
  expect(await won).toBe(true)
  expect(time.ms).toBe(2_000)
})

test('a lease that vanished early is acquired only after a whole term: its holder may still be active', async () => {
  const { leadership, time } = setUp(other(8_000), taken(), held)
  await leadership.win(never)
  expect(time.ms).toBeGreaterThanOrEqual(1_500 + TTL_MS)
})

test('a released lease is taken over at once', async () => {
  const { leadership, time } = setUp(other(8_000), taken('release'))
  await leadership.win(never)
  expect(time.ms).toBe(1_500)
})

test('a standby keeps waiting while the store is unavailable, and ends when stopped', async () => {
  const stop = new AbortController()
  const { leadership, asked } = setUp(new Error('down'), new Error('down'), taken())
  expect(await leadership.win(never)).toBe(true)
  expect(asked).toHaveLength(3)
  stop.abort()
  expect(await setUp(other()).leadership.win(stop.signal)).toBe(false)
})

test('the permit ends before the lease does, by either clock', async () => {
  const { leadership, time, pass } = setUp(taken())
  await leadership.win(never)
  pass(TTL_MS * 0.8)
  expect(leadership.valid).toBe(true)
  pass(TTL_MS * 0.11)
  expect(leadership.valid).toBe(false)
  const suspended = setUp(taken())
  await suspended.leadership.win(never)
  suspended.time.wallMs += TTL_MS
  expect(suspended.leadership.valid).toBe(false)
  expect(time.ms).toBeLessThan(1_000 + TTL_MS)
})

test('a leader that was paused checks its lease first, and continues if no other instance led in the meantime', async () => {
  const { leadership, pass, asked } = setUp(taken(), held)
  await leadership.win(never)
  pass(TTL_MS * 2)
  await Promise.all([leadership.granted(), leadership.granted()])
  expect(leadership.valid).toBe(true)
  expect(asked).toHaveLength(2)
})

test('a leader that was paused and replaced learns so at the next check', async () => {
  const { leadership, pass } = setUp(taken(), other())
  await leadership.win(never)
  pass(TTL_MS * 2)
  await expect(leadership.granted()).rejects.toMatchObject({ code: 'BINGO_LEASE_LOST' })
  await expect(leadership.keep(never)).rejects.toMatchObject({ code: 'BINGO_LEASE_LOST' })
  expect(await leadership.replacedBy()).toMatchObject({ code: 'BINGO_LEASE_LOST' })
})

test('a lease that was interrupted is reacquired only if no other instance led in between', async () => {
  const alone = setUp(taken(), taken())
  await alone.leadership.win(never)
  alone.leadership.confirmBy(async () => true)
  alone.pass(TTL_MS)
  await alone.leadership.granted()
  expect(alone.leadership.valid).toBe(true)
  const replaced = setUp(taken(), taken('release'))
  await replaced.leadership.win(never)
  replaced.leadership.confirmBy(async () => false)
  replaced.pass(TTL_MS)
  await expect(replaced.leadership.granted()).rejects.toMatchObject({ code: 'BINGO_LEASE_LOST' })
})

test('while the store is unavailable the leader has no permit and reports it; it has one again when the store is back', async () => {
  const { leadership, standby, pass, asked } = setUp(taken(), new Error('down'), new Error('down'), held)
  await leadership.win(never)
  pass(TTL_MS)
  const granted = leadership.granted()
  await Promise.resolve()
  await granted
  expect(asked).toHaveLength(4)
  expect(leadership.valid).toBe(true)
  expect(standby.unconfirmedSince).toBe(0)
})

test('a permit is not waited for longer than its signal allows', async () => {
  const stop = new AbortController()
  const { leadership, pass } = setUp(taken(), new Error('down'))
  await leadership.win(never)
  pass(TTL_MS)
  stop.abort(new Error('stopping'))
  await expect(leadership.granted(stop.signal)).rejects.toThrow('stopping')
})

test('a lease that was acquired but never used is not released: the previous holder may be active for its term', async () => {
  const stop = new AbortController()
  const waiting = setUp(other(8_000), taken(), held)
  const won = waiting.leadership.win(stop.signal)
  await Promise.resolve()
  stop.abort()
  expect(await won).toBe(false)
  await waiting.leadership.release()
  expect(waiting.released()).toBe(0)
})

test('a lease is released at the end, but not one that was lost', async () => {
  const leader = setUp(taken())
  await leader.leadership.win(never)
  await leader.leadership.release()
  expect(leader.leadership.valid).toBe(false)
  expect(leader.released()).toBe(1)
  const replaced = setUp(taken(), other())
  await replaced.leadership.win(never)
  replaced.pass(TTL_MS)
  await replaced.leadership.replacedBy()
  await replaced.leadership.release()
  expect(replaced.released()).toBe(0)
})
