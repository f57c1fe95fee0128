import type { Change } from '../../model/event/change.ts'
import type { Value } from '../../model/event/row.ts'
import { ColumnType } from '../../model/table/column-type.ts'
import type { TableDef } from '../../model/table/table.ts'

/** As before MySQL 5.6, and with fractions. */
const TIMESTAMP_TYPES = new Set<number>([ColumnType.TIMESTAMP, ColumnType.TIMESTAMP2])
const INSTANT = /^(\d{4,}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)Z$/

/**
 * Instants as MySQL reads them. Events have them in ISO 8601 with a `Z`, which no server takes; the session is in UTC. A text
 * is an instant when a TIMESTAMP column of the row, or the time of the commit, is that very text: a VARCHAR may look like one.
 */
export function instantsOf(table: TableDef): (change: Change, text: string) => string {
  const columns = table.columns.filter(({ type }) => TIMESTAMP_TYPES.has(type)).map(({ name }) => name)
  return (change, text) => {
    const parts = INSTANT.exec(text)
    if (parts === null) return text
    const isInstant = columns.some((name) => change.new?.[name] === text || change.old?.[name] === text)
    return isInstant || isCommitTime(change, text) ? `${parts[1]} ${parts[2]}` : text
  }
}

function isCommitTime(change: Change, text: Value): boolean {
  return typeof text === 'string' && Date.parse(text) === Math.floor(change.transaction.timestampUs / 1000)
}
