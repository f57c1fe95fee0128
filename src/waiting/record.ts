import type { DeadLetter } from '../model/delivery/dead-letter.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import { FORMER } from '../model/delivery/waiting.ts'
import { waitingCorrupt } from '../model/delivery/waiting-corrupt.ts'
import type { StoredRecord, WaitingRecord, WaitingSeq, WaitingShape } from '../model/delivery/waiting.ts'
import type { Change, ChangeEvent, Transaction } from '../model/event/change.ts'
import { Change as RowChange } from '../model/event/change.ts'
import { OPERATIONS } from '../model/event/row.ts'
import { bigintPaths } from '../model/event/forms/bigint-paths.ts'
import { toChangeEvent } from '../model/event/forms/event-json.ts'
import { isPosted } from '../model/event/posted/posted-event.ts'
import { type Check, isMap, map, mapOf, number, oneOf, orNull, text } from '../model/json/shape.ts'
import { readStored } from '../model/json/stored.ts'
import { exactJson, parseJson } from '../model/json/strict-json.ts'
import type { ActionPlan } from '../model/rule/rule.ts'
import type { TableDef } from '../model/table/table.ts'
import { valueKind } from '../model/table/value-kind.ts'
import { isPostedSample, samplePosted } from '../rules/samples/sample-event.ts'
import { withSampleFacts } from '../rules/samples/sample-facts.ts'
import { changeOfText, isRowText, keptTable, rowText } from './row-text.ts'

/** Names an action for an event; the same for dead letters and waiting events. */
export function jobId({ action, change, ofPreviousKey }: InFlightJob): string {
  return `${change.id}#${action.rule.id}#${action.identity}${ofPreviousKey ? FORMER : ''}`
}

/** What is kept of a job that is to wait in `line`; `from`: the place that it was read from. */
export function recordOf(
  job: InFlightJob,
  line: string,
  baseMs: number,
  nowMs: number,
  from?: WaitingSeq,
): WaitingRecord {
  const { action, failure, attempts, preparation, skipped } = job
  const change = job.change.whole
  // A `when` that reads lookups has not been asked yet, or did not hold: the record is not to be sent without asking it.
  const stage = failure?.stage ?? (skipped || preparation?.stage === 'when' ? 'when' : undefined)
  const failed = failure && { at: nowMs, code: failure.code, message: failure.message }
  return {
    id: jobId(job),
    line,
    shape: shapeOf(action, change.table),
    rowKey: job.key,
    baseMs: Math.round(baseMs),
    // Integers of any size stay numbers.
    event: isPosted(change.table) ? exactJson(change.new) : rowText(change, shortQuery(change)),
    attempts: failed === null ? (attempts ?? NO_ATTEMPTS) : [...(attempts ?? NO_ATTEMPTS), failed],
    stage,
    from,
  }
}

const NO_ATTEMPTS: WaitingRecord['attempts'] = []
const LONGEST_QUERY = 2_048
/** Deeper than any that is taken in. */
const DEEPEST = 1_000

/** Of the statement behind a row the beginning is kept: it may be megabytes. A TRUNCATE or DDL is its statement. */
export function withShortQuery(change: Change): Change {
  const query = shortQuery(change)
  if (query === change.query) return change
  const { table, op, transaction, seq, old, new: new_ } = change
  return new RowChange(table, op, transaction, seq, old, new_, query)
}

function shortQuery({ op, query }: Change): string | null {
  const ofRow = op === 'insert' || op === 'update' || op === 'delete'
  if (!ofRow || query === null || query.length <= LONGEST_QUERY) return query
  return `${query.slice(0, LONGEST_QUERY - 1).toWellFormed()}…`
}

const shapes = new WeakMap<ActionPlan, WeakMap<TableDef, WaitingShape>>()

function shapeOf(action: ActionPlan, table: TableDef): WaitingShape {
  let tables = shapes.get(action)
  if (tables === undefined) shapes.set(action, (tables = new WeakMap()))
  let shape = tables.get(table)
  if (shape === undefined) {
    const { rule, index, identity, parts, type, target } = action
    shape = {
      ruleId: rule.id,
      ruleVersion: rule.version,
      actionIndex: index,
      action: { identity, parts, ofRule: rule.actions.map((each) => each.identity) },
      actionType: type,
      target: target.id,
      schema: table.schema,
      table: table.name,
      columns: table.columns.map((column) => [column.name, valueKind(column)]),
      key: table.key.map((place) => table.columns[place]!.name),
    }
    tables.set(table, shape)
  }
  return shape
}

/** A posted event has no columns that tell which of its texts are integers. */
export function exactnessOf({ table, new: event }: Change): Pick<DeadLetter, 'bigints'> {
  const bigints = isPosted(table) ? bigintPaths(event) : []
  return bigints.length === 0 ? {} : { bigints }
}

/** The dead letter that a waiting event becomes, which nobody waits behind. */
export function letterOf(record: StoredRecord, createdAt: number): DeadLetter {
  const { id, shape, rowKey, attempts, stage } = record
  const { ruleId, ruleVersion, actionIndex, action, actionType, target, columns } = shape
  const change = new ChangeReader().read(record)
  return {
    id,
    event: toChangeEvent(change),
    ruleId,
    ruleVersion,
    actionIndex,
    action,
    actionType,
    target,
    rowKey,
    state: 'skip',
    attempts,
    createdAt,
    ...(stage !== undefined && { stage, columns }),
    ...exactnessOf(change),
  }
}

/** Makes the changes of records again; those of one transaction that come one after the other share it. */
export class ChangeReader {
  private last: Transaction | null = null

  /** Throws BINGO_WAITING_CORRUPT, or BINGO_EVENT_INVALID for what is not an event that was posted. */
  read({ id, shape, event }: Pick<StoredRecord, 'id' | 'shape' | 'event'>): Change {
    const corrupt = corruptOf(id)
    if (isRowText(event)) {
      const change = changeOfText(event, shape, this.last, corrupt)
      this.last = change.transaction
      return change
    }
    const parsed = readStored<ChangeEvent>(event, EVENT, corrupt)
    if (isPostedSample(parsed)) return samplePosted(readStored(event, map, corrupt, (json) => parseJson(json, DEEPEST)))
    const { op, seq, old, new: new_, query, ...rest } = parsed
    const transaction = this.transactionOf(rest, query)
    const { table, row } = keptTable(shape)
    const change = new RowChange(table, op, transaction, seq, row(old), row(new_), query)
    return withSampleFacts(change, { threshold: parsed.threshold })
  }

  private transactionOf(
    { txId, gtid, position, serverId, ts }: Pick<ChangeEvent, 'txId' | 'gtid' | 'position' | 'serverId' | 'ts'>,
    query: string | null,
  ): Transaction {
    if (this.last?.id !== txId) {
      const { file, offset } = position
      this.last = { id: txId, gtid, file, offset, serverId, timestampUs: microseconds(ts), query }
    }
    return this.last!
  }
}

/** A change as it was kept before `rowText`, or an event that was posted. */
const CHANGE = mapOf({
  op: oneOf(...OPERATIONS),
  seq: number,
  old: orNull(map),
  new: orNull(map),
  query: orNull(text),
  txId: text,
  gtid: orNull(text),
  position: mapOf({ file: text, offset: number }),
  serverId: number,
  ts: (value) => (typeof value === 'string' && Number.isFinite(microseconds(value)) ? null : ' is not a time'),
})
const EVENT: Check = (value) => (isMap(value) && isPostedSample(value) ? null : CHANGE(value))

function corruptOf(id: string): (fault: string, cause?: unknown) => Error {
  return (fault, cause) => waitingCorrupt(`The waiting event "${id}"`, fault, cause)
}

/** By the clock of the server, milliseconds since 1970; of a posted event what its delay counts from. */
export function committedAtMs({ id, event, shape, baseMs }: StoredRecord): number {
  const corrupt = corruptOf(id)
  if (isRowText(event)) return changeOfText(event, shape, null, corrupt).transaction.timestampUs / 1_000
  const { ts } = readStored<Partial<ChangeEvent>>(event, EVENT, corrupt)
  return ts === undefined ? baseMs : microseconds(ts) / 1_000
}

/** Since 1970, of a time as events show it: six fraction digits. */
function microseconds(time: string): number {
  return Date.parse(`${time.slice(0, 23)}Z`) * 1_000 + Number(time.slice(23, 26))
}
