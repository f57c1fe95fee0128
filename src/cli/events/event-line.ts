import type { Change, ChangeEvent, Transaction } from '../../model/event/change.ts'
import { cloudEventOf, toCloudEvent } from '../../model/event/forms/cloud-event.ts'
import { isoMicroseconds, stringifyEvent, stringifyValue } from '../../model/event/forms/event-json.ts'
import { isPosted } from '../../model/event/posted/posted-event.ts'
import type { DdlStatement } from '../../model/source/binlog-stream.ts'

export type LineFormat = 'json' | 'cloudevents'

/** A change of a row, or a posted event. */
export function lineOf(change: Change, format: LineFormat): string {
  if (format !== 'json') return stringifyValue(cloudEventOf(change))
  return isPosted(change.table) ? stringifyValue(change.new) : stringifyEvent(change)
}

/** A statement, as the event of one table that it is about. */
export function statementLine(
  { kind, sql }: Pick<DdlStatement, 'kind' | 'sql'>,
  { schema, table }: { readonly schema: string; readonly table: string },
  seq: number,
  transaction: Transaction,
  format: LineFormat,
): string {
  const event: ChangeEvent = {
    id: `${transaction.id}/${seq}`,
    op: kind,
    schema,
    table,
    key: null,
    old: null,
    new: null,
    changed: [],
    ts: isoMicroseconds(transaction.timestampUs),
    gtid: transaction.gtid,
    position: { file: transaction.file, offset: transaction.offset },
    serverId: transaction.serverId,
    txId: transaction.id,
    seq,
    query: sql,
  }
  return stringifyValue(format === 'json' ? event : toCloudEvent(event))
}
