import { DdlNotes } from '../../../src/flow/reading/ddl-notes.ts'
import { describe, expect, test } from 'vitest'
import { readable } from '../../../src/cli/dead-letters/describe-letter.ts'
import { Watermark } from '../../../src/flow/checkpoint/watermark.ts'
import { BackPressure } from '../../../src/flow/back-pressure.ts'
import { CommitBuffer } from '../../../src/flow/reading/commit-buffer.ts'
import { GroupIntake } from '../../../src/flow/reading/intake.ts'
import { RuleCounters } from '../../../src/flow/rule-counters.ts'
import { explainRule } from '../../../src/match/explain.ts'
import { Matcher } from '../../../src/match/matcher.ts'
import type { CompileRowDecoder } from '../../../src/match/program/row-decoder.ts'
import type { Change } from '../../../src/model/event/change.ts'
import { systemClock } from '../../../src/model/clock.ts'
import type { DeadLetter } from '../../../src/model/delivery/dead-letter.ts'
import { ProblemsError } from '../../../src/model/errors.ts'
import type { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import type { SourcePosition } from '../../../src/model/source/position.ts'
import type { RuleSet } from '../../../src/model/rule/rule-set.ts'
import { PauseReasons } from '../../../src/model/source/source.ts'
import type { TableDef } from '../../../src/model/table/table.ts'
import { SourceState } from '../../../src/model/source/source-state.ts'
import { createStats } from '../../../src/model/stats.ts'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'
import type { LoadedRules } from '../../../src/rules/files/load.ts'
import { actionTypes } from '../../../src/targets/registry.ts'
import { planRequests, Unanswered } from '../../../src/targets/webhook/requests.ts'
import { silentLog, transaction } from '../../support/jobs.ts'
import { changeOf, tableOf } from '../../support/match-tables.ts'

const ORDERS = tableOf({ id: 'bigint', customer_id: 'bigint', note: 'varchar', doc: 'json' }, 'orders')
const ITEMS = tableOf({ id: 'bigint', customer_id: 'bigint' }, 'items')
const WEBHOOK = '{type: webhook, url: "https://crm.example.com/"}'

function load(key: string, action = WEBHOOK, tables?: readonly TableDef[]): LoadedRules {
  const text = `rules:\n  - id: r\n    table: [orders, items]\n    key: ${key}\n    actions: [${action}]`
  return loadRulesFromText([{ path: '/r/a.yaml', name: 'a.yaml', text }], {
    baseDir: process.cwd(),
    targets: new Map(),
    defaults: { redisUrl: 'redis://cache:6379', allowCidrs: [] },
    actionTypes: actionTypes(),
    env: {},
    tables,
  })
}

/** The jobs that changes become. */
function jobsOf({ ruleSet }: { ruleSet: RuleSet }, ...changes: readonly Change[]): readonly InFlightJob[] {
  const routed: InFlightJob[] = []
  const stats = createStats(1024 * 1024)
  const sources = new PauseReasons(() => undefined)
  const rules = new RuleCounters(stats)
  const at = (offset: number): SourcePosition => ({ flavour: 'mysql', file: 'b.1', offset, gtidSet: null })
  const into = new GroupIntake(new Matcher(ruleSet, () => () => 0), {
    ddls: new DdlNotes(),
    lanes: 16,
    stats,
    state: new SourceState(),
    rules,
    watermark: new Watermark(at(4)),
    log: silentLog,
    repeats: { write: () => undefined },
    buffer: new CommitBuffer(stats.budget.limitBytes, rules, { route: (job: InFlightJob) => void routed.push(job) }),
    backPressure: new BackPressure({
      budget: stats.budget,
      log: silentLog,
      clock: systemClock,
      sources,
      waiting: stats.waiting,
    }),
    started: () => undefined,
    gap: () => Promise.resolve(),
  })
  into.begin(transaction(1))
  for (const change of changes) into.event(change)
  into.commit(at(100))
  return routed
}

const insert = (id: number, customer: number | null, table = ORDERS): Change =>
  changeOf(null, { id, customer_id: customer, note: 'n', doc: { c: customer } }, table)

function moved(from: number | null, to: number | null): Change {
  return changeOf(
    { id: 1, customer_id: from, note: 'n', doc: null },
    { id: 1, customer_id: to, note: 'n', doc: null },
    ORDERS,
  )
}

/** Two customers on different lanes. */
function apart(): readonly [number, number] {
  const rules = load('"{{new.customer_id}}"')
  const lanes = [1, 2, 3, 4].map((customer) => jobsOf(rules, insert(1, customer))[0]!.lane)
  const other = lanes.findIndex((lane) => lane !== lanes[0])
  return [1, other + 1]
}

describe('A rule with a key', () => {
  test('puts all rows of a key on one lane, whatever their primary key and table', () => {
    const changes = [1, 2, 3, 4, 5, 6].map((id) => insert(id, 7, id % 2 === 0 ? ITEMS : ORDERS))
    const jobs = jobsOf(load('"{{new.customer_id}}"'), ...changes)
    expect(new Set(jobs.map((job) => job.lane)).size).toBe(1)
    expect(new Set(jobs.map((job) => job.key)).size).toBe(1)
    const customers = jobsOf(load('"{{new.customer_id}}"'), ...[1, 2, 3, 4, 5, 6].map((id) => insert(1, id)))
    expect(new Set(customers.map((job) => job.lane)).size).toBeGreaterThan(1)
    expect(new Set(customers.map((job) => job.key)).size).toBe(6)
  })

  test('reads the row as it was in a DELETE, and takes NULL for a key like any other', () => {
    const remove = changeOf({ id: 1, customer_id: 7, note: 'n', doc: null }, null, ORDERS)
    const [gone, there, none, empty] = jobsOf(
      load('"{{new.customer_id}}"'),
      remove,
      insert(2, 7),
      insert(3, null),
      insert(4, null),
    )
    expect(gone!.failure).toBeNull()
    expect(gone!.key).toBe(there!.key)
    expect(none!.failure).toBeNull()
    expect(none!.key).toBe(empty!.key)
    expect(none!.key).not.toBe(there!.key)
  })

  test('makes an UPDATE of the key wait on both lanes, as one of the primary key does', () => {
    const [from, to] = apart()
    const rules = load('"{{customer_id}}"')
    const [before] = jobsOf(rules, insert(1, from))
    const [job] = jobsOf(rules, moved(from, to))
    expect(job!.placeholders[0]!.lane).toBe(before!.lane)
    expect(job!.lane).not.toBe(before!.lane)
    expect(jobsOf(rules, moved(from, from))[0]!.placeholders).toEqual([])
  })

  test('lets a removal act on both keys', () => {
    const [from, to] = apart()
    const rules = load('"{{customer_id}}"', '{type: redis, cmd: DEL, key: "c:{{new.customer_id}}"}')
    const jobs = jobsOf(rules, moved(from, to))
    expect(jobs.map(({ payload, ofPreviousKey }) => [payload, ofPreviousKey])).toStrictEqual([
      [`c:${from}`, true],
      [`c:${to}`, false],
    ])
    const [one, other] = jobsOf(rules, insert(1, from), insert(1, to))
    expect(jobs.map(({ lane, key }) => [lane, key])).toStrictEqual([
      [one!.lane, one!.key],
      [other!.lane, other!.key],
    ])
  })

  test('still lets a removal act on both primary keys when only that changes', () => {
    const rules = load('"{{customer_id}}"', '{type: redis, cmd: DEL, key: "o:{{id}}"}')
    const row = { customer_id: 7, note: 'n', doc: null }
    const jobs = jobsOf(rules, changeOf({ id: 1, ...row }, { id: 2, ...row }, ORDERS))
    expect(jobs.map((job) => job.payload)).toStrictEqual(['o:1', 'o:2'])
    expect(new Set(jobs.map((job) => job.lane)).size).toBe(1)
    expect(new Set(jobs.map((job) => job.key)).size).toBe(1)
  })

  test('sends what its key cannot be rendered for to the dead letters, in the order of the row', () => {
    const structure = jobsOf(load('"{{doc}}"'), insert(1, 7))[0]!
    expect(structure.failure?.code).toBe('BINGO_TEMPLATE_OBJECT')
    expect(structure.key).toBe('shop\0orders\x001')
    const unknown = jobsOf(load('"{{custmer_id}}"'), insert(1, 7))[0]!
    expect(unknown.failure?.code).toBe('BINGO_UNKNOWN_COLUMN')
    const absent = jobsOf(load('"{{new.customer_id}}"'), changeOf({ id: 1 }, { note: 'x' }, ORDERS))[0]!
    expect(absent.failure?.code).toBe('BINGO_COLUMN_ABSENT')
  })

  test('reads its columns of both rows, and no whole rows', () => {
    const { ruleSet } = load('"{{lower note}}"', '{type: redis, cmd: DEL, key: "o:{{id}}"}')
    const seen: unknown[] = []
    const compile: CompileRowDecoder = (_table, _shape, select) => {
      seen.push(select)
      return () => 0
    }
    const present = { all: true, has: () => true }
    const buffer = Buffer.alloc(0)
    const images = { presentOld: present, presentNew: present, partialJson: false }
    new Matcher(ruleSet, compile).program({
      table: ORDERS,
      op: 'update',
      buffer,
      start: 0,
      end: 0,
      ...images,
      firstSeq: 0,
    })
    expect(seen).toStrictEqual([{ old: new Set([0, 2]), new: new Set([0, 2]) }])
  })

  test('is what a dead letter is parked by, and how it is shown', () => {
    const [job] = jobsOf(load('"{{customer_id}}"'), insert(1, 7))
    const letter = { rowKey: job!.key, attempts: [], createdAt: 0 } as unknown as DeadLetter
    expect(readable(letter)).toMatchObject({ rowKey: 'key 7' })
  })

  test('is shown by explain, and so is what is wrong with it', () => {
    const [rule] = load('"c{{customer_id}}"').ruleSet.rules
    expect(explainRule(rule!, moved(3, 4)).key).toStrictEqual({ present: 'c4', previous: 'c3' })
    expect(explainRule(rule!, insert(1, 4)).key).toStrictEqual({ present: 'c4', previous: null })
    const [wrong] = load('"{{doc}}"').ruleSet.rules
    const explanation = explainRule(wrong!, insert(1, 4))
    expect(explanation.key).toBeNull()
    expect(explanation.actions[0]!.rendered).toMatchObject({ tag: 'error', code: 'BINGO_TEMPLATE_OBJECT' })
  })

  test('gives a webhook request events of one key only', () => {
    const rules = load('"{{customer_id}}"', WEBHOOK.replace('}', ', batch: always}'))
    const jobs = jobsOf(rules, insert(1, 7), insert(2, 7), insert(3, 8), insert(4, 8), insert(5, 7))
    const requests = planRequests(jobs, new Unanswered())
    expect(requests.map(({ from, to }) => [from, to])).toStrictEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ])
  })

  test('is checked against tables', () => {
    expect(refusal('"{{custmer_id}}"', [ORDERS, ITEMS])).toContain('4:13')
    expect(refusal('"{{custmer_id}}"', [ORDERS, ITEMS])).toContain('did you mean "customer_id"?')
    expect(refusal('"{{customer_id}}"', [ORDERS, ITEMS])).toBe('accepted')
  })
})

function refusal(key: string, tables?: readonly TableDef[]): string {
  try {
    load(key, WEBHOOK, tables)
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    const [problem] = error.problems
    return `${problem!.location!.line}:${problem!.location!.column} ${problem!.message} → ${problem!.hint}`
  }
  return 'accepted'
}

test.each([
  ['customer_id', '4:10 key is the same for every row → write key: "{{customer_id}}"'],
  ['new.customer_id', '4:10 key is the same for every row → write key: "{{customer_id}}"'],
  ['""', '4:10 key is the same for every row'],
  ['"{{old.customer_id}}"', 'the key before an UPDATE is found by itself → write {{customer_id}}'],
  ['"{{lowr note}}"', 'unknown helper "lowr" → did you mean {{lower …}}?'],
  ['"{{customer_id"', 'a {{ is not closed by }}'],
  ['[customer_id]', 'key must be a string, but is a list'],
  ['7', 'key must be a string, but is a number'],
])('key: %s is refused', (key, message) => {
  expect(refusal(key)).toContain(message)
})
