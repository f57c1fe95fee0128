import { expect, test } from 'vitest'
import { systemClock } from '../../../../src/model/clock.ts'
import { BingoError } from '../../../../src/model/errors.ts'
import type { Log, Sendable, Target } from '../../../../src/model/rule/action.ts'
import { createStats } from '../../../../src/model/stats.ts'
import { action, job, seqOf, silentLog } from '../../../support/jobs.ts'
import { openQueues } from '../../../support/target-queues.ts'

const HOOK = action({ target: { id: 'hook', type: 'fake', options: {} } }, { id: 'hook' })
const RULES = { rules: [HOOK.rule], files: [] }

test('while a target stays down, all but its probe waits in the store, and the log says once that it spools and once that it ended', async () => {
  let isDown = true
  let stored = 0
  const sent: number[] = []
  const told: string[] = []
  const tell = (_fields: object, message: string): number => told.push(message)
  const log: Log = { ...silentLog, info: tell, warn: tell, error: tell }
  const stats = createStats(1_000_000)
  const target: Target = {
    gather: 'all',
    maxBatch: 10,
    maxConcurrency: 2,
    send: async (jobs: readonly Sendable[]) => {
      if (isDown)
        return jobs.map(() => ({ kind: 'down', error: new BingoError('BINGO_TEST', 'down', { retryable: true }) }))
      sent.push(...jobs.map(seqOf))
      return undefined
    },
    close: () => Promise.resolve(),
  }
  const { queues, close } = await openQueues({
    rules: RULES,
    stats,
    stored: () => (stored += 1),
    openTarget: async () => target,
    spool: { afterMs: 1, maxBytes: 1_000_000 },
    log,
  })
  const push = (seq: number): void => queues.push(HOOK.target, job({ id: seq % 4, seq, action: HOOK, lane: seq % 2 }))
  expect(queues.isSpooling(HOOK.rule)).toBe(false)
  push(1)
  await until(() => stored === 1 && stats.budget.target(HOOK.target).queued === 1)
  // One by one, each when nothing but the probe is left: the line has been read to its end each time.
  for (let seq = 2; seq <= 8; seq++) {
    push(seq)
    expect(stats.budget.target(HOOK.target).queued).toBe(1)
    await until(() => stored === seq)
  }
  expect(queues.isSpooling(HOOK.rule)).toBe(true)
  expect(queues.isSpooling(action({ target: { id: 'other', type: 'fake', options: {} } }, { id: 'other' }).rule)).toBe(
    false,
  )
  isDown = false
  await until(() => !queues.isSpooling(HOOK.rule))
  expect(sent).toHaveLength(8)
  await until(() => sent.length >= 8 && told.some((message) => message.startsWith('spool is empty')))
  push(9)
  await until(() => sent.length === 9)
  expect(sent.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(stored).toBe(8)
  expect(told.filter((message) => message.includes('its events wait in the store'))).toHaveLength(1)
  expect(told.filter((message) => message.startsWith('spool is empty'))).toHaveLength(1)
  await close()
})

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !holds(); turn++) await systemClock.sleep(1)
  expect(holds()).toBe(true)
}
