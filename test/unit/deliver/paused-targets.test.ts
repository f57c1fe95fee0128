import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/model/clock.ts'
import type { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import type { Sendable, Target } from '../../../src/model/rule/action.ts'
import { createStats } from '../../../src/model/stats.ts'
import { assess } from '../../../src/ops/health.ts'
import { Progress } from '../../../src/ops/progress.ts'
import { action, job, seqOf } from '../../support/jobs.ts'
import { openQueues } from '../../support/target-queues.ts'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

const CRM = action({ target: { id: 'crm', type: 'fake', options: {} } }, { id: 'crm' })
const MAIL = action({ target: { id: 'mail', type: 'fake', options: {} } }, { id: 'mail' })
const RULES = { rules: [CRM.rule, MAIL.rule], files: [] }

async function open(options: { readonly afterMs?: number; readonly pausedSince?: (target: string) => number } = {}) {
  const stats = createStats(1_000_000)
  const opened: string[] = []
  const sent: { readonly target: string; readonly seq: number; readonly key: string }[] = []
  let spooled: InFlightJob[] = []
  const { queues, close } = await openQueues({
    rules: RULES,
    stats,
    stored: (each) => spooled.push(each),
    openTarget: async ({ id }): Promise<Target> => {
      opened.push(id)
      return {
        gather: 'all',
        maxBatch: 10,
        maxConcurrency: 2,
        send: async (jobs: readonly Sendable[]) => {
          await systemClock.sleep(1)
          sent.push(...jobs.map((each) => ({ target: id, seq: seqOf(each), key: each.key })))
          return undefined
        },
        close: () => Promise.resolve(),
      }
    },
    spool: { afterMs: options.afterMs ?? 60_000, maxBytes: 1_000_000 },
    pausedSince: options.pausedSince,
  })
  cleanUps.push(close)
  const push = (plan: typeof CRM, from: number, to: number): void => {
    for (let seq = from; seq <= to; seq++)
      queues.push(plan.target, job({ id: seq % 4, seq, action: plan, lane: seq % 2 }))
  }
  const sentTo = (target: string): number[] => sent.filter((each) => each.target === target).map(({ seq }) => seq)
  const health = () => assess(stats, new Progress(stats, systemClock), { heartbeatMs: 60_000, stallMs: 0 }, Date.now())
  return { queues, stats, opened, sent, sentTo, push, health, spooled: () => spooled.length }
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !holds(); turn++) await systemClock.sleep(1)
  expect(holds()).toBe(true)
}

/** Of each row, in the order sent. */
function isInOrder(seqs: readonly number[]): boolean {
  return [0, 1, 2, 3].every((row) => {
    const ofRow = seqs.filter((seq) => seq % 4 === row)
    return ofRow.every((seq, i) => i === 0 || seq > ofRow[i - 1]!)
  })
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1)

test('a paused target gets nothing, others go on, and what waits is sent in order when it is resumed', async () => {
  const { queues, sentTo, push } = await open()
  push(CRM, 1, 4)
  await until(() => sentTo('crm').length === 4)
  expect(queues.setPaused('crm', 1)).toBe(true)
  push(CRM, 5, 60)
  push(MAIL, 1, 20)
  await until(() => sentTo('mail').length === 20)
  expect(sentTo('crm')).toHaveLength(4)
  expect(queues.drained).toBe(false)
  expect(queues.onlyDownLeft).toBe(true)
  queues.setPaused('crm', 0)
  await until(() => sentTo('crm').length === 60)
  expect(isInOrder(sentTo('crm'))).toBe(true)
  expect(queues.setPaused('nobody', 1)).toBe(false)
})

test('it is a note and no reason, neither down nor stalled, and status and readiness name it', async () => {
  const { queues, stats, push, health } = await open()
  queues.setPaused('crm', Date.now())
  push(CRM, 1, 3)
  expect(health().notes.map(({ code }) => code)).toContain('BINGO_TARGET_PAUSED')
  const reasons = health().reasons.map(({ code }) => code)
  expect(reasons).not.toContain('BINGO_TARGET_DOWN')
  expect(reasons).not.toContain('BINGO_DELIVERY_STALLED')
  expect(stats.targets.get('crm')!.isShut).toBe(true)
  queues.setPaused('crm', 0)
  expect(health().notes.map(({ code }) => code)).not.toContain('BINGO_TARGET_PAUSED')
})

test('its events go to the spool after the time for targets that are down, and leave it in order, with those that came later', async () => {
  const { queues, sentTo, push, spooled } = await open({ afterMs: 20 })
  queues.setPaused('crm', 1)
  push(CRM, 1, 40)
  await until(() => spooled() === 40)
  push(CRM, 41, 80)
  await until(() => spooled() === 80)
  expect(sentTo('crm')).toEqual([])
  queues.setPaused('crm', 0)
  push(CRM, 81, 90)
  await until(() => sentTo('crm').length === 90)
  expect(isInOrder(sentTo('crm'))).toBe(true)
  expect(sentTo('crm').toSorted((a, b) => a - b)).toEqual(upTo(90))
})

test('one that was paused by an earlier run is not even opened', async () => {
  const { queues, opened, sentTo, push } = await open({ pausedSince: (id) => (id === 'crm' ? 1 : 0) })
  push(CRM, 1, 3)
  push(MAIL, 1, 3)
  await until(() => sentTo('mail').length === 3)
  expect(opened).toEqual(['mail'])
  queues.setPaused('crm', 0)
  await until(() => sentTo('crm').length === 3)
})
