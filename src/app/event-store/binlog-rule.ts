import type { RecordedEvent } from '../../event-store/contract.ts'
import { parsePayload } from '../../event-store/arguments.ts'
import { storedEnvelope } from '../../event-store/rule-feed.ts'
import type { Change } from '../../model/event/change.ts'
import type { Row, Value } from '../../model/event/row.ts'
import type { EventEnvelope } from '../../model/event/posted/event-record.ts'
import type { SourceLocation } from '../../model/errors.ts'
import { makeRowRule } from '../../model/rule/outbox-rule.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { Predicate } from '../../model/rule/expression.ts'
import { READS_WHOLE_ROW } from '../../model/table/column-reads.ts'
import { ColumnType } from '../../model/table/column-type.ts'
import type { TableDef } from '../../model/table/table.ts'

export const STREAMS_TABLE = 'domain_events'
const LOCATION: SourceLocation = { file: 'eventStore.read', line: 1, column: 1 }

/** The rule by which rows of an event store become its events, at their place in the binlog. */
export function streamsRule(schema: string, instanceId: string, isInBinlog: (position: bigint) => boolean): Rule {
  const matchesTable = (ofSchema: string, table: string): boolean => ofSchema === schema && table === STREAMS_TABLE
  const filter: Predicate = {
    source: 'the event is not read by SQL',
    location: LOCATION,
    reads: () => READS_WHOLE_ROW,
    bind: () => (change) => isInBinlog(BigInt(change.new!['global_position'] as number)),
    necessary: [],
    lookups: [],
  }
  return makeRowRule(
    { id: 'event-store', location: LOCATION, version: '1', filter, matchesTable },
    { bind: (table) => bindRow(table, instanceId), options: {} },
  )
}

function bindRow({ columns }: TableDef, instanceId: string): (change: Change) => EventEnvelope {
  // MariaDB keeps JSON in a text.
  const isText = columns.find(({ name }) => name === 'payload')?.type !== ColumnType.JSON
  return (change) => {
    const envelope = storedEnvelope(recordedEvent(change.new!, isText), instanceId)
    return { ...envelope, metadata: { ...envelope.metadata, commit: change.transaction.id } }
  }
}

function recordedEvent(row: Row, isText: boolean): RecordedEvent {
  const text = (column: string): string | null => (row[column] ?? null) as string | null
  const payload: Value = row['payload']
  return {
    id: text('event_id')!,
    type: text('event_type')!,
    stream: text('aggregate_id')!,
    version: Number(row['version']),
    globalPosition: BigInt(row['global_position'] as number),
    timestamp: `${text('timestamp')!.replace(' ', 'T')}Z`,
    source: text('source_service'),
    correlationId: text('correlation_id'),
    causationId: text('causation_id'),
    userId: text('user_id'),
    payload: isText ? parsePayload(payload as string, true) : payload,
  }
}
