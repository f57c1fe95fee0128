import { expect, test } from 'vitest'
import { BackPressure } from '../../../src/flow/back-pressure.ts'
import { Watermark } from '../../../src/flow/checkpoint/watermark.ts'
import { CommitBuffer } from '../../../src/flow/reading/commit-buffer.ts'
import { DdlNotes } from '../../../src/flow/reading/ddl-notes.ts'
import { GroupIntake } from '../../../src/flow/reading/intake.ts'
import { RuleCounters } from '../../../src/flow/rule-counters.ts'
import { Matcher } from '../../../src/match/matcher.ts'
import { RowRun } from '../../../src/model/delivery/row-run.ts'
import { systemClock } from '../../../src/model/clock.ts'
import type { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import type { JobObserver } from '../../../src/model/delivery/job-observer.ts'
import type { RowsBlock } from '../../../src/model/source/binlog-stream.ts'
import { SourceState } from '../../../src/model/source/source-state.ts'
import { createStats } from '../../../src/model/stats.ts'
import { ColumnType } from '../../../src/model/table/column-type.ts'
import type { TableDef } from '../../../src/model/table/table.ts'
import { compileRowImages } from '../../../src/sources/mysql/binlog/event-bytes/row-images.ts'
import { compileRowDecoder } from '../../../src/sources/mysql/binlog/rows/row-decoder.ts'
import { inForm } from '../../support/forms.ts'
import { silentLog, transaction } from '../../support/jobs.ts'
import { Random } from '../../support/random-tables.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'
import {
  randomImages,
  randomShape,
  randomTable,
  type RandomTable,
} from '../sources/mysql/binlog/event-bytes/random-images.ts'

const HISTORIES = inForm({ short: 40, long: 400 })

/** Whole events and some of their values, filtered and not, to one file, to another, and to something that takes no lines. */
const ACTIONS = [
  '{type: log, path: a.ndjson}',
  '{type: log, path: a.ndjson, when: "size(changed) > 2"}',
  '{type: log, path: a.ndjson, body: {id: "{{event.id}}", op: "{{op}}", changed: "{{changed}}"}}',
  '{type: log, path: a.ndjson, body: {id: "{{event.id}}", value: "{{COLUMN}}"}}',
  '{type: log, path: b.ndjson, format: cloudevents}',
  '{type: log, path: b.ndjson, body: "{{event.id}}"}',
  '{type: log, path: c.ndjson, rate: 10/s}',
  '{type: kafka, brokers: ["k:9092"], topic: t}',
]

function randomRules(random: Random, { columns }: TableDef): string {
  const rules = Array.from({ length: 1 + random.below(3) }, (_, i) => {
    const actions = Array.from({ length: random.chance(80) ? 1 : 2 }, () =>
      random.pick(ACTIONS).replace('COLUMN', columns.find(({ name }) => name.startsWith('column'))?.name ?? 'op'),
    )
    const filter = random.chance(30) ? '    filter: "size(changed) % 2 == 0"\n' : ''
    return `  - id: rule${i}\n    table: shop.users\n${filter}    actions: [${actions.join(', ')}]\n`
  })
  return `rules:\n${rules.join('')}`
}

const KEYLESS_TYPES: ReadonlySet<number> = new Set([ColumnType.JSON, ColumnType.GEOMETRY, ColumnType.VECTOR])

/** Told of everything: with it each row is a job of its own, which is what runs of rows are compared with. */
const OBSERVER: JobObserver = { matched: () => undefined, began: () => undefined, ended: () => undefined }

/** What is known of a job that is looked at by itself. */
interface Detail {
  readonly bytes: number
  readonly seq: number
  readonly failure: string | undefined
  readonly whole: unknown
}

/** An intake whose jobs queue up by target, and end when `end` is called. */
class World {
  readonly stats = createStats(4 * 1024 * 1024)
  readonly watermark = new Watermark<object>(null)
  /** By target: rule, event and what was sent, in order. */
  readonly sent = new Map<string, string[]>()
  readonly details = new Map<string, Detail>()
  readonly queues = new Map<string, InFlightJob[]>()
  readonly into: GroupIntake<object>
  runs = 0
  private readonly backPressure: BackPressure

  constructor(rules: string, observer?: JobObserver) {
    const { stats, watermark } = this
    const sources = { pause: () => undefined, resume: () => undefined }
    this.backPressure = new BackPressure({
      budget: stats.budget,
      log: silentLog,
      clock: systemClock,
      sources,
      waiting: stats.waiting,
    })
    const counters = new RuleCounters(stats)
    const ruleSet = { rules: rulesFrom(rules), files: [] }
    this.into = new GroupIntake<object>(new Matcher(ruleSet, compileRowDecoder, undefined, compileRowImages), {
      lanes: 16,
      stats,
      state: new SourceState(),
      ddls: new DdlNotes(),
      rules: counters,
      watermark,
      log: silentLog,
      repeats: { write: () => undefined },
      buffer: new CommitBuffer(200_000, counters, { route: (job) => this.queue(job) }),
      backPressure: this.backPressure,
      observer,
      started: () => undefined,
      gap: () => Promise.resolve(),
    })
  }

  /** The first jobs of each queue end, some runs row by row, and leave their buffers to others. */
  end(random: Random): void {
    for (const [target, queue] of this.queues) {
      const sent = this.sent.get(target) ?? []
      this.sent.set(target, sent)
      for (const job of queue.splice(0, random.below(queue.length + 1))) {
        if (job instanceof RowRun && random.chance(50)) this.endRun(job, sent)
        else for (const single of job.singles()) this.endJob(single, sent)
      }
    }
  }

  private endRun(run: RowRun, sent: string[]): void {
    this.runs += 1
    const lines = String(run.payload).split('\n')
    if (lines.length !== run.count) throw new Error(`${lines.length} lines of ${run.count} rows`)
    for (const [i, line] of lines.entries()) sent.push(`${run.action.rule.id} ${run.ids[i]} ${line}`)
    run.end()
    this.backPressure.release(run)
  }

  private endJob(job: InFlightJob, sent: string[]): void {
    const { action, id, payload, failure, change } = job
    // Of a line as text its characters are counted.
    const more = typeof payload === 'string' ? Buffer.byteLength(payload) - payload.length : 0
    const name = `${action.rule.id} ${action.identity} ${id}`
    sent.push(`${action.rule.id} ${id} ${textOf(payload)}`)
    const { old, new: new_ } = change.whole
    this.details.set(name, {
      bytes: job.bytes + more,
      seq: change.seq,
      failure: failure?.message,
      whole: [change.old, change.new, old, new_],
    })
    job.end()
    this.backPressure.release(job)
  }

  private queue(job: InFlightJob): void {
    const { id } = job.action.target
    const queue = this.queues.get(id)
    if (queue === undefined) this.queues.set(id, [job])
    else queue.push(job)
  }
}

function textOf(payload: unknown): string {
  const { value } = (payload ?? {}) as { value?: unknown }
  return String(value ?? payload)
}

/** What two worlds are told alike. */
function tell(random: Random, worlds: readonly World[], made: RandomTable): void {
  const { columns } = made.table
  // No server makes a key of these.
  const key = made.table.key.filter((index) => !KEYLESS_TYPES.has(columns[index]!.type))
  const table = { ...made.table, schema: 'shop', name: 'users', key }
  for (let number = 1; number <= 4; number++) {
    const group = transaction(number)
    for (const { into } of worlds) into.begin(group)
    let seq = 0
    const savepoints: number[] = []
    for (let blocks = random.below(6); blocks > 0; blocks--) {
      const shape = randomShape(random, made.kinds.length)
      const images = randomImages(random, made, shape, 1 + random.below(random.chance(10) ? 200 : 8))
      const block: RowsBlock = { table, ...shape, buffer: images, start: 0, end: images.length, firstSeq: seq }
      for (const { into } of worlds) {
        // The source writes to its buffer again.
        const buffer = Buffer.from(images)
        into.rows({ ...block, buffer })
        buffer.fill(0xff)
      }
      savepoints.push(seq)
      seq += images.length
      if (random.chance(10)) for (const { into } of worlds) into.rollbackTo(savepoints.at(-1)!)
      if (random.chance(10)) for (const { into } of worlds) into.begin({ ...group })
    }
    const end = random.chance(15) ? 'rollback' : random.chance(10) ? 'abandoned' : 'commit'
    for (const { into } of worlds) if (end !== 'abandoned') into[end]({ number })
    const endings = random.below(1_000_000)
    for (const world of worlds) world.end(new Random(endings))
  }
}

test('rows that go as one are the jobs that each of them would be: line by line, and when they are looked at by themselves', () => {
  const random = new Random(60)
  let [runs, rows] = [0, 0]
  for (let i = 0; i < HISTORIES; i++) {
    const made = randomTable(random)
    const rules = randomRules(random, made.table)
    const [plain, gathered] = [new World(rules, OBSERVER), new World(rules)]
    tell(random, [plain, gathered], made)
    for (const world of [plain, gathered]) {
      world.into.dropGroup()
      while ([...world.queues.values()].some(({ length }) => length > 0)) world.end(random)
    }
    expect(gathered.sent).toEqual(plain.sent)
    for (const [name, detail] of gathered.details) expect(detail).toEqual(plain.details.get(name))
    for (const { stats, watermark } of [plain, gathered])
      expect([stats.budget.jobs, stats.budget.bytes, watermark.pending]).toEqual([0, 0, 0])
    expect(gathered.stats.rules).toEqual(plain.stats.rules)
    expect(gathered.watermark.position).toEqual(plain.watermark.position)
    expect(plain.runs).toBe(0)
    runs += gathered.runs
    for (const sent of plain.sent.values()) rows += sent.length
  }
  expect(runs).toBeGreaterThan(HISTORIES)
  expect(rows).toBeGreaterThan(10 * HISTORIES)
})
