import { Change } from './change.ts'
import type { Transaction } from './change.ts'
import type { Row } from './row.ts'
import type { Gap } from './gap.ts'
import type { SourcePosition } from '../source/position.ts'
import type { ColumnDef, TableDef } from '../table/table.ts'

const VARCHAR = 15
const COLUMNS = ['code', 'reason', 'missing', 'onGap', 'from', 'to'] as const

/** A GAP event belongs to no table of the server; `new` tells of the gap. */
const GAP_TABLE: TableDef = {
  schema: '',
  name: '',
  columns: COLUMNS.map((name): ColumnDef => ({
    name,
    type: VARCHAR,
    meta: 0,
    nullable: true,
    unsigned: false,
    collation: 0,
    visible: true,
  })),
  key: [],
  flavour: 'mysql',
}

/** The change that rules with `events: [GAP]` match. Its id is the gap's: a repetition after a crash has the same. */
export function gapChange(gap: Gap): Change {
  const { id, at, to, code, reason, missing, onGap, from } = gap
  const transaction: Transaction = {
    id,
    gtid: null,
    file: to.file,
    offset: to.offset,
    serverId: 0,
    timestampUs: at * 1_000,
    query: null,
  }
  const row: Row = { code, reason, missing, onGap, from: from && printPosition(from), to: printPosition(to) }
  return new Change(GAP_TABLE, 'gap', transaction, 0, null, row, null)
}

/** For people: `binlog.000003:157`, with the GTID set where there is one. */
export function printPosition({ file, offset, gtidSet }: SourcePosition): string {
  const place = file === '' ? '' : `${file}:${offset}`
  return [place, gtidSet ?? ''].filter((part) => part !== '').join(' ')
}
