import { DdlNotes } from '../../../src/flow/reading/ddl-notes.ts'
import { beforeEach, expect, test } from 'vitest'
import { Watermark } from '../../../src/flow/checkpoint/watermark.ts'
import type { DdlStatement, RowsBlock } from '../../../src/model/source/binlog-stream.ts'
import { Change } from '../../../src/model/event/change.ts'
import type { Row, RowOp } from '../../../src/model/event/row.ts'
import type { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import { EvaluationError } from '../../../src/model/errors.ts'
import type { SourcePosition } from '../../../src/model/source/position.ts'
import { PLAIN_SESSION } from '../../../src/sources/mysql/sql/tokens.ts'
import type { ActionPlan, Rule } from '../../../src/model/rule/rule.ts'
import { SourceState } from '../../../src/model/source/source-state.ts'
import { createStats } from '../../../src/model/stats.ts'
import { BackPressure } from '../../../src/flow/back-pressure.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { CommitBuffer } from '../../../src/flow/reading/commit-buffer.ts'
import { GroupIntake } from '../../../src/flow/reading/intake.ts'
import { RuleCounters } from '../../../src/flow/rule-counters.ts'
import { PauseReasons } from '../../../src/model/source/source.ts'
import { Matcher } from '../../../src/match/matcher.ts'
import type { CompileRowDecoder } from '../../../src/match/program/row-decoder.ts'
import { posted } from '../../support/posted-events.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'
import { action, silentLog, tableDef, transaction } from '../../support/jobs.ts'

const present = { all: true, has: () => true }
const at = (offset: number): SourcePosition => ({ flavour: 'mysql', file: 'binlog.000001', offset, gtidSet: null })
const table = tableDef()

type Rows = readonly (readonly [Row | null, Row | null])[]

/** Rows travel beside the block: what is tested here is what happens after decoding. */
let rowsOfBlock: Rows = []
const compile: CompileRowDecoder = () => (_buffer, _start, _end, visit) => {
  rowsOfBlock.forEach(([old, new_], i) => visit(old, new_, i * 10, i * 10 + 10))
  return rowsOfBlock.length
}

function block(op: RowOp, rows: Rows, firstSeq = 0): RowsBlock {
  rowsOfBlock = rows
  const buffer = Buffer.alloc(0)
  return { table, op, buffer, start: 0, end: 0, presentOld: present, presentNew: present, partialJson: false, firstSeq }
}

let routed: InFlightJob[]
let pauseStates: boolean[]
let errors: object[]
let backPressure: BackPressure
let watermark: Watermark<SourcePosition>
let stats: ReturnType<typeof createStats>

beforeEach(() => {
  routed = []
  pauseStates = []
  errors = []
  watermark = new Watermark(at(4))
  stats = createStats(1024 * 1024)
})

function intake(...plans: readonly ActionPlan[]): GroupIntake<SourcePosition> {
  const sources = new PauseReasons((paused) => pauseStates.push(paused))
  backPressure = new BackPressure({
    budget: stats.budget,
    log: silentLog,
    clock: systemClock,
    sources,
    waiting: stats.waiting,
  })
  const rules = new RuleCounters(stats)
  const router = { route: (job: InFlightJob) => void routed.push(job) }
  return new GroupIntake(new Matcher({ rules: plans.map(({ rule }) => rule), files: [] }, compile), {
    lanes: 16,
    stats,
    state: new SourceState(),
    ddls: new DdlNotes(),
    rules,
    watermark,
    log: { ...silentLog, error: (fields, message) => errors.push({ ...fields, message }) },
    repeats: { write: () => undefined },
    buffer: new CommitBuffer(stats.budget.limitBytes, rules, router),
    backPressure,
    started: () => undefined,
    gap: () => Promise.resolve(),
  })
}

function update(id: number, status = 1): readonly [Row, Row] {
  return [
    { id, status: 0 },
    { id, status },
  ]
}

test('jobs go when the commit has been read, not before', () => {
  const into = intake(action())
  into.begin(transaction(1))
  into.rows(block('update', [update(1), update(2)]))
  expect(routed).toEqual([])
  into.commit(at(100))
  expect(routed.map((job) => job.change.id.split('/')[1])).toEqual(['0', '1'])
  expect(watermark.position).toEqual(at(4))
  for (const job of routed) job.end()
  expect(watermark.position).toEqual(at(100))
})

test('nothing of a rolled back transaction goes, and the position moves past it', () => {
  const into = intake(action())
  into.begin(transaction(1))
  into.rows(block('update', [update(1)]))
  into.rollback(at(100))
  expect(routed).toEqual([])
  expect(watermark.position).toEqual(at(100))
  expect(stats.budget.bytes).toBe(0)
})

test('rows after a savepoint that was rolled back do not go, the ones before do', () => {
  const into = intake(action())
  into.begin(transaction(1))
  into.rows(block('update', [update(1)], 0))
  into.rows(block('update', [update(2)], 10))
  into.rollbackTo(10)
  into.rows(block('update', [update(3)], 20))
  into.commit(at(100))
  expect(routed.map((job) => job.change.new!['id'])).toEqual([1, 3])
})

test('a transaction that is sent again after a broken connection continues where it stopped', () => {
  const into = intake(action())
  into.begin(transaction(1))
  into.rows(block('update', [update(1), update(2)]))
  into.begin(transaction(1))
  into.rows(block('update', [update(1), update(2)]))
  into.rows(block('update', [update(3)], 50))
  into.commit(at(100))
  expect(routed.map((job) => job.change.new!['id'])).toEqual([1, 2, 3])
})

test('a half transaction that never comes back does not hold the watermark', () => {
  const into = intake(action())
  into.begin(transaction(1))
  into.rows(block('update', [update(1)]))
  into.begin(transaction(2))
  into.commit(at(200))
  expect(routed).toEqual([])
  expect(watermark.position).toEqual(at(200))
})

test('a transaction that exceeds the buffer is delivered as it comes in', () => {
  const into = intake(action())
  into.begin(transaction(1))
  into.rows(
    block(
      'update',
      Array.from({ length: 2000 }, (_, id) => update(id)),
    ),
  )
  expect(routed.length).toBeGreaterThan(1000)
  expect(pauseStates).toEqual([])
  into.commit(at(100))
  expect(routed).toHaveLength(2000)
})

test('changes delivered before their rollback are reported: after ROLLBACK, and ROLLBACK TO SAVEPOINT before it', () => {
  const into = intake(action())
  const many = Array.from({ length: 2000 }, (_, id) => update(id))
  into.begin(transaction(1))
  into.rows(block('update', many))
  into.rollbackTo(2000)
  expect(errors).toEqual([])
  into.rollbackTo(1999)
  const savepoint =
    'rolled back after delivery: a transaction larger than the transaction buffer ran ROLLBACK TO SAVEPOINT after some of its changes were delivered'
  const told = { code: 'BINGO_ROLLED_BACK_AFTER_DELIVERY', gtid: transaction(1).gtid, file: 'binlog.000001' }
  expect(errors).toEqual([{ ...told, position: 100, message: savepoint }])
  into.rollback(at(100))
  expect(errors).toHaveLength(2)
  into.begin(transaction(2))
  into.rows(block('update', [update(1)]))
  into.rollback(at(200))
  expect(errors).toHaveLength(2)
})

test('a used-up budget pauses the source once, and resumes it when jobs have ended', () => {
  const into = intake(action())
  into.begin(transaction(1))
  into.rows(
    block(
      'update',
      Array.from({ length: 9000 }, (_, id) => update(id)),
    ),
  )
  expect(pauseStates).toEqual([true])
  into.rows(block('update', [update(1)], 90_000))
  expect(pauseStates).toEqual([true])
  for (const job of routed) backPressure.release(job)
  expect(pauseStates).toEqual([true, false])
})

test('a rule that cannot be evaluated gives a job that carries the failure', () => {
  const broken = action({
    bind: () => () => {
      throw new EvaluationError('BINGO_TEMPLATE_NULL', 'email is NULL')
    },
  })
  const into = intake(broken)
  into.begin(transaction(1))
  into.rows(block('update', [update(1)]))
  into.commit(at(100))
  expect(routed.map((job) => job.failure?.code)).toEqual(['BINGO_TEMPLATE_NULL'])
})

test('a changed primary key waits on both lanes when the event is sent once', () => {
  const into = intake(action())
  into.begin(transaction(1))
  into.rows(
    block('update', [
      [
        { id: 1, status: 0 },
        { id: 2, status: 0 },
      ],
    ]),
  )
  into.commit(at(100))
  expect(routed).toHaveLength(1)
  expect(routed[0]!.placeholders[0]?.lane).not.toBe(routed[0]!.lane)
})

test('a changed primary key acts on both keys when an action addresses the key', () => {
  const into = intake(
    action({
      bind: () => (change) => `user:${change.new!['id'] as number}`,
      bindPreviousKey: () => (change) => `user:${change.old!['id'] as number}`,
    }),
  )
  into.begin(transaction(1))
  into.rows(
    block('update', [
      [
        { id: 1, status: 0 },
        { id: 2, status: 0 },
      ],
    ]),
  )
  into.commit(at(100))
  expect(routed.map((job) => [job.payload, job.placeholders])).toEqual([
    ['user:1', []],
    ['user:2', []],
  ])
  expect(routed[0]!.key).not.toBe(routed[1]!.key)
})

test('a filter decides about statements too', () => {
  const never = { bind: () => () => false } as unknown as Rule['filter']
  const into = intake(action({}, { operations: new Set(['truncate']), filter: never }))
  into.begin(transaction(1))
  into.ddl(
    {
      kind: 'truncate',
      schema: 'shop',
      tables: [{ schema: 'shop', table: 'users' }],
      sql: 'TRUNCATE users',
      session: PLAIN_SESSION,
    },
    0,
  )
  into.commit(at(100))
  expect(routed).toEqual([])
})

test('TRUNCATE reaches the rules that listen to it, with the statement', () => {
  const into = intake(action({}, { operations: new Set(['truncate']) }))
  into.begin(transaction(1))
  into.ddl(
    {
      kind: 'truncate',
      schema: 'shop',
      tables: [{ schema: 'shop', table: 'users' }],
      sql: 'TRUNCATE users',
      session: PLAIN_SESSION,
    },
    0,
  )
  into.commit(at(100))
  expect(routed.map((job) => [job.change.op, job.change.query])).toEqual([['truncate', 'TRUNCATE users']])
})

test('a statement and the rows after it are not duplicated when the connection breaks in mid-transaction', () => {
  const into = intake(action({}, { operations: new Set(['ddl', 'insert']) }))
  const tables = ['users', 'orders', 'carts'].map((table) => ({ schema: 'shop', table }))
  const statement = {
    kind: 'ddl',
    schema: 'shop',
    tables,
    sql: 'CREATE TABLE users …',
    session: PLAIN_SESSION,
  } as const
  for (let read = 0; read < 2; read++) {
    into.begin(transaction(1))
    into.ddl(statement, 0)
    into.ddl({ ...statement, tables: tables.slice(0, 1) }, 3)
  }
  into.commit(at(100))
  expect(routed.map((job) => job.change.seq)).toEqual([0, 1, 2, 3])
})

test('a gap reaches the rules for GAP, after what was read before, and drops the incomplete transaction', () => {
  const gap = { id: 'gap-7', at: 7, code: 'BINGO_SOURCE_GAP', reason: 'purged', missing: 'a:1-5', announced: false }
  const into = intake(action({}, { operations: new Set(['gap', 'update']) }))
  into.begin(transaction(1))
  into.rows(block('update', [update(1)]))
  into.dropGroup()
  expect(stats.budget.jobs).toBe(0)
  into.announceGap({ ...gap, onGap: 'latest', from: at(100), to: at(900) }, at(900))
  expect(routed.map((job) => [job.change.id, job.change.op])).toEqual([['gap-7/0', 'gap']])
  expect(routed[0]!.change.new).toMatchObject({ code: gap.code, missing: 'a:1-5', from: 'binlog.000001:100' })
  expect(watermark.position).toEqual(at(4))
  routed[0]!.end()
  expect(watermark.position).toEqual(at(900))
})

test('a transaction that was broken off before anything was stored holds nothing back once its jobs have ended', () => {
  watermark = new Watermark<SourcePosition>(null)
  const into = intake(action({}, { operations: new Set(['update']) }))
  into.begin(transaction(1))
  into.rows(
    block(
      'update',
      Array.from({ length: 9000 }, (_, id) => update(id)),
    ),
  )
  const sent = routed.length
  expect(sent).toBeGreaterThan(0)
  into.begin(transaction(2))
  into.rows(block('update', [update(1)]))
  into.commit(at(200))
  for (const job of routed) job.end()
  expect(watermark.position).toEqual(at(200))
})

test('the position never goes back to where it stood when a transaction was broken off', () => {
  const into = intake(action({}, { operations: new Set(['update']) }))
  into.begin(transaction(1))
  into.rows(block('update', [update(1)]))
  into.commit(at(100))
  const [first] = routed.splice(0)
  into.begin(transaction(2))
  into.rows(
    block(
      'update',
      Array.from({ length: 9000 }, (_, id) => update(id)),
    ),
  )
  into.dropGroup()
  first!.end()
  expect(watermark.position).toEqual(at(100))
  for (const job of routed) job.end()
  expect(watermark.position).toEqual(at(100))
})

test('events that come as values are matched like rows, and those handled before a break are not matched again', () => {
  const into = intake(action({}, { operations: new Set(['update']) }))
  const changes = [1, 2].map(
    (id, seq) => new Change(table, 'update', transaction(1), seq, update(id)[0], update(id)[1], null),
  )
  into.begin(transaction(1))
  into.event(changes[0]!)
  into.begin(transaction(1))
  for (const change of changes) into.event(change)
  into.commit(at(100))
  expect(routed.map((job) => job.change.seq)).toEqual([0, 1])
})

test('a change that two rules match counts once, and for each of them', () => {
  const one = action()
  const other = action({}, { id: 'other' })
  const into = intake(one, other)
  into.begin(transaction(1))
  into.rows(block('update', [update(1), update(2)]))
  into.commit(at(100))
  into.begin(transaction(2))
  into.rows(block('update', [update(1)]))
  into.commit(at(200))
  expect(stats).toMatchObject({ rowsTotal: 3, matchedTotal: 3 })
  expect([...stats.rules].map(([id, rule]) => [id, rule.matchedTotal])).toEqual([
    [one.rule.id, 3],
    ['other', 3],
  ])
})

test('actions count when they are handed on: not those of a transaction that was rolled back', () => {
  const into = intake(action())
  into.begin(transaction(1))
  into.rows(block('update', [update(1)]))
  into.rollback(at(100))
  into.begin(transaction(2))
  into.rows(block('update', [update(1), update(2)]))
  into.commit(at(200))
  expect([...stats.rules.values()][0]).toMatchObject({ matchedTotal: 3, actionsTotal: 2 })
})

const TRUNCATE: DdlStatement = {
  kind: 'truncate',
  schema: 'shop',
  tables: [{ schema: 'shop', table: 'users' }],
  sql: 'TRUNCATE users',
  session: PLAIN_SESSION,
}

test('TRUNCATE holds a place on every other lane, so that it is ordered with all rows of its table', () => {
  const into = intake(action({}, { operations: new Set(['truncate', 'update']) }))
  into.begin(transaction(1))
  into.rows(block('update', [update(1)]))
  into.ddl(TRUNCATE, 1)
  into.commit(at(100))
  const [row, statement] = routed
  expect(row!.placeholders).toEqual([])
  expect(statement!.apart).toBe(true)
  const lanes = [statement!.lane, ...statement!.placeholders.map(({ lane }) => lane)]
  expect(lanes.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 16 }, (_, lane) => lane))
})

test('Posted events with one key share a lane and a key; those without one go anywhere, each for itself', () => {
  const [rule] = rulesFrom(
    'rules: [{id: r, on: "orders.**", actions: [{type: nats, url: "nats://n:4222", subject: s}]}]',
  )
  const into = intake(rule!.actions[0]!)
  const events = [
    ...Array.from({ length: 3 }, (_, i) => posted({ id: `a${i}`, key: 'order-17' })),
    ...Array.from({ length: 40 }, (_, i) => posted({ id: `b${i}` })),
    posted({ id: 'c', type: 'other.type' }),
    posted({ id: 'd', key: 'order-17', environment: 'test' }),
  ]
  for (const [i, event] of events.entries()) {
    into.begin(event.transaction)
    into.event(event)
    into.commit(at(100 + i))
  }
  expect(routed).toHaveLength(44)
  const [keyed, free] = [routed.slice(0, 3), routed.slice(3, 43)]
  expect(new Set(keyed.map(({ lane }) => lane)).size).toBe(1)
  expect(new Set(keyed.map(({ key }) => key)).size).toBe(1)
  expect(new Set(free.map(({ lane }) => lane)).size).toBeGreaterThan(8)
  expect(new Set(free.map(({ key }) => key)).size).toBe(40)
  expect(routed.at(-1)!.key).not.toBe(keyed[0]!.key)
  expect(routed.at(-1)!.id).toBe('test:d')
  expect(errors).toEqual([])
})
