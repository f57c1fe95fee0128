import type { Transaction } from '../../../../model/event/change.ts'
import { EventType } from '../format/event-types.ts'
import { readGtid, readTaggedGtid } from '../gtid/gtid-event.ts'
import type { TransactionHead } from '../gtid/gtid-event.ts'
import { serverIdOf, timestampOf } from '../format/header.ts'
import { readMariadbGtid } from '../gtid/mariadb-gtid.ts'
import type { EventPlace } from '../format/stream-errors.ts'
import { rowsKind } from '../rows/rows-event.ts'

/** What an event that begins a transaction says about it. */
export interface TransactionStart {
  readonly transaction: Transaction
  /** One statement ends it, or only its own COMMIT, XID or ROLLBACK. */
  readonly ending: 'statement' | 'explicit'
  /** An ALTER in two phases that has not changed the table (yet). */
  readonly ddlWithoutEffect: boolean
  /** Its rows end with XA PREPARE; the id as in XA COMMIT. */
  readonly preparedXid: string | null
}

type StartType =
  | typeof EventType.GTID
  | typeof EventType.ANONYMOUS_GTID
  | typeof EventType.GTID_TAGGED
  | typeof EventType.MARIADB_GTID

export function isTransactionStart(type: number): type is StartType {
  return (
    type === EventType.GTID ||
    type === EventType.ANONYMOUS_GTID ||
    type === EventType.GTID_TAGGED ||
    type === EventType.MARIADB_GTID
  )
}

/** Reads the event of `type` with its header at `start` and its body in `[bodyStart, end)`. */
export function readTransactionStart(
  type: StartType,
  buffer: Buffer,
  start: number,
  bodyStart: number,
  end: number,
  place: EventPlace,
): TransactionStart {
  switch (type) {
    case EventType.GTID:
      return ofMysql(readGtid(buffer, bodyStart, end, false), buffer, start, place)
    case EventType.ANONYMOUS_GTID:
      return ofMysql(readGtid(buffer, bodyStart, end, true), buffer, start, place)
    case EventType.GTID_TAGGED:
      return ofMysql(readTaggedGtid(buffer, bodyStart, end), buffer, start, place)
    case EventType.MARIADB_GTID:
      return ofMariadb(buffer, start, bodyStart, end, place)
    default:
      return type satisfies never
  }
}

/** Where the server writes no GTID events, a transaction begins with the first event of one of these types. */
export function opensTransaction(type: number): boolean {
  return (
    type === EventType.QUERY ||
    type === EventType.MARIADB_QUERY_COMPRESSED ||
    type === EventType.XID ||
    rowsKind(type) !== undefined
  )
}

/** A transaction without a GTID, named by its place. */
export function unnamedStart(buffer: Buffer, start: number, place: EventPlace): TransactionStart {
  return ofMysql({ source: null, number: 0, commitUs: 0 }, buffer, start, place)
}

function ofMysql(head: TransactionHead, buffer: Buffer, start: number, place: EventPlace): TransactionStart {
  const gtid = head.source === null ? null : `${head.source}:${head.number}`
  return {
    transaction: transactionAt(gtid, head.commitUs, buffer, start, place),
    ending: 'statement',
    ddlWithoutEffect: false,
    preparedXid: null,
  }
}

function ofMariadb(buffer: Buffer, start: number, bodyStart: number, end: number, place: EventPlace): TransactionStart {
  const head = readMariadbGtid(buffer, bodyStart, end)
  const gtid = `${head.domain}-${serverIdOf(buffer, start)}-${head.sequence}`
  return {
    transaction: transactionAt(gtid, 0, buffer, start, place),
    ending: head.standalone || head.completedXa ? 'statement' : 'explicit',
    ddlWithoutEffect: head.alter === 'start' || head.alter === 'rollback',
    preparedXid: head.preparedXid,
  }
}

/** `commitUs` is 0 where the server does not tell: then the header's seconds stand for it. */
function transactionAt(
  gtid: string | null,
  commitUs: number,
  buffer: Buffer,
  start: number,
  { file, offset }: EventPlace,
): Transaction {
  const serverId = serverIdOf(buffer, start)
  return {
    id: gtid ?? `${serverId}:${file}:${offset}`,
    gtid,
    file,
    offset,
    serverId,
    timestampUs: commitUs === 0 ? timestampOf(buffer, start) * 1_000_000 : commitUs,
    query: null,
  }
}
