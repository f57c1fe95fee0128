import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BackPressure } from '../../../src/flow/back-pressure.ts'
import type { Log } from '../../../src/model/rule/action.ts'
import { Budget } from '../../../src/model/delivery/budget.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { PauseReasons } from '../../../src/model/source/source.ts'
import { action, job, silentLog } from '../../support/jobs.ts'

/** Each job of the test support is charged 100 bytes. */
const JOB_BYTES = 100
const jobOf = (target: string) => job({ action: action({ target: { id: target, type: 'fake', options: {} } }) })

let budget: Budget
let pauseStates: boolean[]
let lines: { readonly level: string; readonly fields: object; readonly message: string }[]
let backPressure: BackPressure

const pauses = () => new PauseReasons((paused) => pauseStates.push(paused))

beforeEach(() => {
  vi.useFakeTimers()
  budget = new Budget(10 * JOB_BYTES)
  pauseStates = []
  lines = []
  const keep = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message })
  const log: Log = { ...silentLog, info: keep('info'), warn: keep('warn') }
  backPressure = new BackPressure({ budget, log, clock: systemClock, sources: pauses(), waiting: { unwritten: 0 } })
})
afterEach(() => {
  backPressure.stop()
  vi.useRealTimers()
})

function charge(target: string, count: number) {
  const jobs = Array.from({ length: count }, () => jobOf(target))
  for (const each of jobs) backPressure.charge(each)
  backPressure.check()
  return jobs
}

const goesDown = (target: string) => void (budget.target({ id: target, type: 'fake' }).downSince = Date.now())
const comesUp = (target: string) => void (budget.target({ id: target, type: 'fake' }).downSince = 0)

test('a target that is up may use all of the budget', () => {
  const jobs = charge('a', 10)
  expect(pauseStates).toEqual([])
  jobs.push(...charge('a', 1))
  expect(pauseStates).toEqual([true])
  for (const each of jobs.slice(0, 3)) backPressure.release(each)
  expect(pauseStates).toEqual([true])
  backPressure.release(jobs[3]!)
  expect(pauseStates).toEqual([true, false])
})

test('a target that is down may hold three quarters of it, and the others use the rest until then', () => {
  goesDown('dead')
  charge('dead', 7)
  for (let round = 0; round < 20; round++) for (const each of charge('alive', 2)) backPressure.release(each)
  expect(pauseStates).toEqual([])
  const alive = charge('alive', 2)
  charge('dead', 1)
  expect(pauseStates).toEqual([true])
  for (const each of alive) backPressure.release(each)
  expect(pauseStates).toEqual([true])
})

test('reading resumes once the target is up and has accepted its backlog', () => {
  goesDown('dead')
  const jobs = charge('dead', 8)
  expect(pauseStates).toEqual([true])
  comesUp('dead')
  backPressure.release(jobs[0]!)
  expect(budget.bytes).toBe(7 * JOB_BYTES)
  expect(pauseStates).toEqual([true, false])
  expect(budget.target({ id: 'dead', type: 'fake' }).inFlightBytes).toBe(7 * JOB_BYTES)
})

test('two targets that are down do not leave reading to start and stop between them', () => {
  goesDown('one')
  goesDown('two')
  charge('one', 4)
  charge('two', 4)
  expect(pauseStates).toEqual([true])
})

test('a pause that lasts is logged once, with the target and for how long it has been down', () => {
  goesDown('dead')
  const jobs = charge('dead', 8)
  vi.advanceTimersByTime(5_000)
  expect(lines).toMatchObject([{ level: 'warn', fields: { code: 'BINGO_BACK_PRESSURE', target: 'dead', bytes: 800 } }])
  comesUp('dead')
  for (const each of jobs) backPressure.release(each)
  expect(lines.at(-1)).toMatchObject({ level: 'info', message: 'reading resumed' })
  expect(lines).toHaveLength(2)
})

test('a share that is set is kept', () => {
  budget = new Budget(10 * JOB_BYTES, 3 * JOB_BYTES)
  backPressure = new BackPressure({
    budget,
    log: silentLog,
    clock: systemClock,
    sources: pauses(),
    waiting: { unwritten: 0 },
  })
  goesDown('dead')
  charge('dead', 2)
  expect(pauseStates).toEqual([])
  charge('dead', 1)
  expect(pauseStates).toEqual([true])
})

test('a brief pause and one for the budget overlap: reading resumes when both are over', () => {
  const target = budget.target({ id: 'a', type: 'fake' })
  const first = charge('a', 1)
  target.queued = 10_000
  backPressure.check()
  expect(pauseStates).toEqual([true])
  const more = charge('a', 10)
  expect(budget.paused).toBe(true)
  vi.advanceTimersByTime(100)
  expect(pauseStates).toEqual([true])
  for (const each of [...first, ...more]) backPressure.release(each)
  expect(pauseStates).toEqual([true, false])
})
