import type { Log, Sendable } from '../../src/model/rule/action.ts'
import type { TargetConfig } from '../../src/model/rule/target-config.ts'
import { Change } from '../../src/model/event/change.ts'
import type { Transaction } from '../../src/model/event/change.ts'
import type { Row, RowOp } from '../../src/model/event/row.ts'
import type { EvaluationError } from '../../src/model/errors.ts'
import { InFlightJob } from '../../src/model/delivery/in-flight-job.ts'
import type { Hold } from '../../src/model/delivery/in-flight-job.ts'
import type { EvaluationFailure } from '../../src/model/delivery/preparation.ts'
import type { ActionPlan, Rule } from '../../src/model/rule/rule.ts'
import type { TableDef } from '../../src/model/table/table.ts'

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
}

/** `shop.users (id BIGINT PRIMARY KEY, status INT)`, or with other columns and key. */
export function tableDef(columns: readonly string[] = ['id', 'status'], key: readonly number[] = [0]): TableDef {
  return {
    schema: 'shop',
    name: 'users',
    flavour: 'mysql',
    key,
    columns: columns.map((name) => ({
      name,
      type: 8,
      meta: 0,
      nullable: true,
      unsigned: false,
      collation: 0,
      visible: true,
    })),
  }
}

export function transaction(number = 1): Transaction {
  const gtid = `3e11fa47-71ca-11e1-9e33-c80aa9429562:${number}`
  return {
    id: gtid,
    gtid,
    file: 'binlog.000001',
    offset: number * 100,
    serverId: 1,
    timestampUs: 1_700_000_000_000_000 + number,
    query: null,
  }
}

export function change(
  op: RowOp,
  old: Row | null,
  new_: Row | null,
  seq = 0,
  table = tableDef(),
  tx = transaction(),
): Change {
  return new Change(table, op, tx, seq, old, new_, null)
}

export const target: TargetConfig = { id: 'fake', type: 'fake', options: {} }

export function action(overrides: Partial<ActionPlan> = {}, rule: Partial<Rule> = {}): ActionPlan {
  const location = { file: 'rules.yaml', line: 1, column: 1 }
  const plan = {
    index: 0,
    identity: String(overrides.index ?? 0),
    parts: {},
    type: 'fake',
    location,
    target,
    coalesce: 'none',
    when: null,
    onFailure: 'park',
    retry: { attempts: 3, maxAgeMs: 60_000, minMs: 1, maxMs: 5 },
    timeoutMs: 1000,
    ratePerSecond: null,
    reads: () => ({ new: new Set<string>(), old: new Set<string>() }),
    bind: () => () => null,
    options: null,
    ...overrides,
  }
  const owner = {
    id: 'rule',
    description: null,
    tags: [],
    location,
    version: '1',
    operations: new Set(['insert', 'update', 'delete']),
    filter: null,
    debounce: null,
    key: null,
    delayMs: 0,
    match: null,
    on: null,
    manual: false,
    matchesTable: () => true,
    listensTo: () => true,
    actions: [plan],
    ...rule,
  } as unknown as Rule
  return Object.assign(plan, { rule: owner }) as unknown as ActionPlan
}

export class CountingHold implements Hold {
  released = 0
  release(): void {
    this.released += 1
  }
}

export interface JobOptions {
  readonly id?: number
  readonly payload?: unknown
  readonly lane?: number
  readonly action?: ActionPlan
  readonly hold?: Hold
  readonly failure?: EvaluationError
  readonly seq?: number
}

function failureOf({ code, message }: EvaluationError): EvaluationFailure {
  return { stage: 'payload', code, message }
}

/** Place of its event in the transaction. */
export function seqOf({ id }: Sendable): number {
  return Number(id.slice(id.lastIndexOf('/') + 1))
}

/** An UPDATE of row `id` on its way. */
export function job(options: JobOptions = {}): InFlightJob {
  const id = options.id ?? 1
  return new InFlightJob(
    options.action ?? action(),
    change('update', { id, status: 0 }, { id, status: 1 }, options.seq ?? 0),
    options.payload ?? `key:${id}`,
    options.lane ?? 0,
    100,
    options.hold ?? new CountingHold(),
    options.failure === undefined ? null : failureOf(options.failure),
  )
}
