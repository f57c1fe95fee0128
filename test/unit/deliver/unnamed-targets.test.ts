import { afterEach, expect, test } from 'vitest'
import type { DeliveryFailure, Sendable, Target } from '../../../src/model/rule/action.ts'
import type { ActionPlan } from '../../../src/model/rule/rule.ts'
import type { TargetConfig } from '../../../src/model/rule/target-config.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import type { RuleSet } from '../../../src/model/rule/rule-set.ts'
import { createStats } from '../../../src/model/stats.ts'
import { assess } from '../../../src/ops/health.ts'
import { Progress } from '../../../src/ops/progress.ts'
import { MemoryDeadLetterStore } from '../../../src/state/dead-letters/memory-store.ts'
import { action, job, silentLog } from '../../support/jobs.ts'
import { openQueues } from '../../support/target-queues.ts'

const ROOMY = { maxCount: 1_000, maxBytes: 1_000_000, maxAgeMs: Infinity }
const DOWN: DeliveryFailure = { kind: 'down', error: new BingoError('BINGO_TEST', 'no such host') }

const target = (id: string, options: object = {}): TargetConfig => ({ id, type: 'fake', options })
const rulesOf = (...plans: ActionPlan[]): RuleSet => ({ rules: plans.map(({ rule }) => rule), files: [] })

/** Targets whose id is in `down` take nothing. */
async function open(log = silentLog) {
  const stats = createStats(1_000_000)
  const down = new Set<string>()
  const opened: TargetConfig[] = []
  const closed: string[] = []
  const sent: string[] = []
  const ended: InFlightJob[] = []
  const store = new MemoryDeadLetterStore(ROOMY)
  const openTarget = async (config: TargetConfig): Promise<Target> => {
    opened.push(config)
    return {
      gather: 'all',
      maxBatch: 10,
      maxConcurrency: 2,
      send: async (jobs: readonly Sendable[]) => {
        await systemClock.sleep(1)
        if (down.has(config.id)) return jobs.map(() => DOWN)
        sent.push(...jobs.map(({ id }) => `${id} to ${config.id}`))
        return undefined
      },
      close: async () => void closed.push(config.id),
    }
  }
  const { queues, close } = await openQueues({
    rules: rulesOf(),
    stats,
    log,
    openTarget,
    deadLetters: store,
    ended: (each) => ended.push(each),
    spool: { afterMs: 30_000, maxBytes: 1_000_000 },
  })
  cleanUps.push(close)
  const health = () => assess(stats, new Progress(stats, systemClock), { heartbeatMs: 60_000 }, Date.now())
  const codes = () => {
    const { reasons, notes } = health()
    return { reasons: reasons.map(({ code }) => code), notes: notes.map(({ code }) => code) }
  }
  const push = (plan: ActionPlan, count: number) => {
    for (let id = 1; id <= count; id++) queues.push(plan.target, job({ id, seq: id, action: plan, lane: id % 2 }))
  }
  return { queues, stats, down, opened, closed, sent, ended, store, codes, push }
}

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 5_000 && !(await holds()); turn++) await systemClock.sleep(1)
  expect(await holds()).toBe(true)
}

test('a target that no rule references any more and that has no backlog is closed and forgotten at once', async () => {
  const { queues, stats, closed, opened } = await open()
  const [old, corrected] = [action({ target: target('old') }), action({ target: target('new') })]
  queues.prepare(rulesOf(old))
  await until(() => opened.length === 1)
  queues.prepare(rulesOf(corrected))
  await until(() => closed.includes('old'))
  expect([...stats.targets.keys()]).toEqual(['new'])
})

test('one that is down keeps its events, is a note and no reason, and ends once they are delivered', async () => {
  const { queues, stats, down, closed, codes, push, sent } = await open()
  const [old, corrected] = [action({ target: target('old') }), action({ target: target('new') })]
  down.add('old')
  queues.prepare(rulesOf(old))
  push(old, 3)
  await until(() => (stats.targets.get('old')?.downSince ?? 0) > 0)
  expect(codes().reasons).toContain('BINGO_TARGET_DOWN')
  queues.prepare(rulesOf(corrected))
  expect(codes().reasons).not.toContain('BINGO_TARGET_DOWN')
  expect(codes().notes).toContain('BINGO_TARGET_UNNAMED')
  push(corrected, 1)
  await until(() => sent.some((each) => each.endsWith('to new')))
  expect(queues.drained).toBe(false)
  down.delete('old')
  await until(() => closed.includes('old'))
  expect(sent.filter((each) => each.endsWith('to old'))).toHaveLength(3)
  expect(codes().notes).not.toContain('BINGO_TARGET_UNNAMED')
})

test('one that a rule names again is an ordinary target', async () => {
  const { queues, stats, down, codes, push } = await open()
  const old = action({ target: target('old') })
  down.add('old')
  queues.prepare(rulesOf(old))
  push(old, 1)
  await until(() => (stats.targets.get('old')?.downSince ?? 0) > 0)
  queues.prepare(rulesOf())
  queues.prepare(rulesOf(old))
  expect(codes().reasons).toContain('BINGO_TARGET_DOWN')
  expect(queues.drop('old')).toBe('named')
})

test('one that is dropped moves its events to the dead letters, where they park nothing', async () => {
  const { queues, stats, down, push, store, ended, closed } = await open()
  const old = action({ target: target('old'), onFailure: 'park' })
  down.add('old')
  queues.prepare(rulesOf(old))
  push(old, 5)
  await until(() => (stats.targets.get('old')?.downSince ?? 0) > 0)
  queues.prepare(rulesOf())
  expect(queues.drop('old')).toEqual({ dropped: 5 })
  await until(() => closed.includes('old'))
  expect(ended).toHaveLength(5)
  expect(await store.count()).toBe(5)
  expect(await store.parkedKeys()).toEqual(new Set())
  for await (const { state, attempts } of store.list({})) {
    expect([state, attempts.at(-1)?.code]).toEqual(['skip', 'BINGO_TARGET_DROPPED'])
  }
  expect(queues.drop('old')).toBe('unknown')
  // A delayed event of the rule as it was comes late.
  push(old, 1)
  await until(async () => ended.length === 6 && stats.targets.size === 0)
})

test('one that could never be opened can be dropped, too', async () => {
  const { queues, push, ended } = await open()
  const old = action({ target: target('old') })
  Object.assign(old, { target: target('never') })
  queues.prepare(rulesOf(old))
  push(old, 1)
  queues.prepare(rulesOf())
  queues.drop('never')
  await until(() => ended.length === 1)
  expect(ended).toHaveLength(1)
})

test('a target whose password changed is opened again, and what waits goes by the new connection', async () => {
  const { queues, down, opened, closed, push, sent } = await open()
  const before = action({ target: target('crm', { password: 'one' }) })
  down.add('crm')
  queues.prepare(rulesOf(before))
  push(before, 2)
  await until(() => opened.length === 1)
  const after = action({ target: target('crm', { password: 'two' }) })
  queues.prepare(rulesOf(after))
  await until(() => opened.length === 2)
  expect(opened[1]!.options).toEqual({ password: 'two' })
  expect(closed).toEqual(['crm'])
  queues.prepare(rulesOf(after))
  down.delete('crm')
  await until(() => sent.length === 2 && queues.drained)
  expect(opened).toHaveLength(2)
})

test('a target that is down spools when its own setting says so, also one that a reload gives it', async () => {
  const spooled: object[] = []
  const warn = (fields: object, message: string): void => {
    if (message.includes('wait in the store')) spooled.push(fields)
  }
  const { queues, stats, down, push } = await open({ ...silentLog, warn })
  const named = (id: string, spool?: { afterMs: number }) =>
    action({ target: { ...target(id), ...(spool && { spool }) } })
  const [patient, hasty] = [named('patient'), named('hasty', { afterMs: 0 })]
  for (const id of ['patient', 'hasty']) down.add(id)
  queues.prepare(rulesOf(patient, hasty))
  push(hasty, 3)
  push(patient, 3)
  await until(() => (stats.targets.get('patient')?.downSince ?? 0) > 0 && spooled.length === 1)
  expect(spooled).toMatchObject([{ target: 'hasty', code: 'BINGO_SPOOL' }])
  queues.prepare(rulesOf(named('patient', { afterMs: 0 }), hasty))
  await until(() => spooled.length === 2)
  expect(spooled[1]).toMatchObject({ target: 'patient' })
})
