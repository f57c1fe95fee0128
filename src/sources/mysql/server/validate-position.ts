import { MysqlGtidSet } from '../gtid/gtid-set.ts'
import { MariadbGtidPosition } from '../gtid/mariadb-gtid-position.ts'
import { BingoError } from '../../../model/errors.ts'
import { GapError } from '../../../model/event/gap.ts'
import { sequenceOf, type ServerFingerprint, type SourcePosition } from '../../../model/source/position.ts'
import type { Flavour } from '../../../model/table/table.ts'

/** What must be known of a server to tell whether it can go on from a position. */
export interface PositionFacts {
  readonly flavour: Flavour
  /** Same text as `ServerFingerprint.server`. */
  readonly identity: string
  /** The server's transactions have GTIDs. */
  readonly gtids: boolean
  /** Executed GTID set (MySQL) or binlog GTID position (MariaDB). */
  readonly executed: string | null
  /** GTIDs (MariaDB: the GTID position) that are in no binlog any more; null where not known. */
  readonly purged: string | null
  /** Binlog files, oldest first; null where the account may not list them. */
  readonly files: readonly { readonly name: string; readonly size: number }[] | null
}

/** The stored half of a checkpoint that a server is held against. */
export interface StoredPosition {
  readonly position: SourcePosition
  readonly server: ServerFingerprint
}

const HINT =
  'Check source.url. If this is the right server, choose where to resume: `bingo position set latest` (ignores the changes in between), `bingo position set earliest`, or FILE:POS or a GTID set. BinGo skipped nothing.'

/**
 * Refuses a position that the server cannot go on from (invariant 8). Throws BINGO_CHECKPOINT_FOREIGN (another
 * server's binlog), BINGO_CHECKPOINT_AHEAD (the server does not have it yet, or lost it) or BINGO_SOURCE_GAP (the
 * server has deleted what comes next). With GTIDs another server of the same replication group is fine; a file name
 * and offset mean something on one server only.
 */
export function validateCheckpoint(stored: StoredPosition, facts: PositionFacts): void {
  const { position, server } = stored
  if (server.flavour !== facts.flavour || position.flavour !== facts.flavour) {
    throw foreign(`it comes from a ${position.flavour} server, this one is ${facts.flavour}`)
  }
  if (resumesByGtid(position, facts)) validateGtidSet(position.gtidSet!, facts)
  else validateFile(position, server, facts)
}

/**
 * Whether to go on by GTID set rather than by file and offset. An empty set is no place on its own when a file is known:
 * it stands there while GTIDs are off too, and asking for it would replay, or hide a gap, once they are on.
 */
export function resumesByGtid(position: SourcePosition, facts: { readonly gtids: boolean }): boolean {
  if (!facts.gtids || position.gtidSet === null) return false
  return position.gtidSet !== '' || position.file === ''
}

function validateGtidSet(text: string, facts: PositionFacts): void {
  if (facts.executed === null) return
  if (facts.flavour === 'mariadb') {
    const here = MariadbGtidPosition.parse(facts.executed)
    if (!here.containsSet(MariadbGtidPosition.parse(text))) {
      refuseDeletedDomains(MariadbGtidPosition.parse(text), here)
      throw sharesDomain(text, facts.executed)
        ? ahead(`${text} is not in ${facts.executed || 'an empty binlog'}`)
        : unrelated()
    }
    const lost = MariadbGtidPosition.parse(text).lackingOf(MariadbGtidPosition.parse(facts.purged ?? ''))
    if (lost.length > 0) throw gap(`the transactions ${lost.join(', ')}`, lost.join(', '))
    return
  }
  const wanted = MysqlGtidSet.parse(text)
  const executed = MysqlGtidSet.parse(facts.executed)
  const missing = wanted.subtract(executed)
  if (!missing.isEmpty()) {
    const unknown = !wanted.isEmpty() && missing.containsSet(wanted)
    throw unknown ? unrelated() : ahead(`it lacks ${shorten(missing.toString())}`)
  }
  const lost = MysqlGtidSet.parse(facts.purged ?? '').subtract(wanted)
  if (!lost.isEmpty()) throw gap(`the transactions ${shorten(lost.toString())}`, lost.toString())
}

/** FLUSH BINARY LOGS DELETE_DOMAIN_ID, which the server allows only once no binlog has transactions of the domain. */
function refuseDeletedDomains(wanted: MariadbGtidPosition, here: MariadbGtidPosition): void {
  const [known, deleted] = wanted.splitByDomains(here)
  if (deleted.isEmpty() || known.isEmpty() || !here.containsSet(known)) return
  throw new BingoError(
    'BINGO_CHECKPOINT_AHEAD',
    `The stored position has a replication domain that the server does not know: ${deleted.toString()} is not in ${here.toString()}. FLUSH BINARY LOGS DELETE_DOMAIN_ID removes a domain; a server that was restored may lack it too`,
    {
      hint: `If the domain was deleted on purpose, run \`bingo position set ${known.toString()}\`: the server deletes a domain only when no binlog holds it, so nothing is lost. ${HINT}`,
    },
  )
}

function sharesDomain(one: string, other: string): boolean {
  const domains = new Set(other.split(',').map((gtid) => gtid.split('-')[0]))
  return one.split(',').some((gtid) => domains.has(gtid.split('-')[0]))
}

function validateFile(position: SourcePosition, server: ServerFingerprint, facts: PositionFacts): void {
  if (server.server !== facts.identity) {
    throw foreign(
      `${position.file}:${position.offset} was read from ${server.server}, this server is ${facts.identity}`,
    )
  }
  if (facts.files === null) return
  const file = facts.files.find(({ name }) => name === position.file)
  const last = facts.files.at(-1)
  if (file) {
    if (position.offset > file.size) {
      throw ahead(`${position.file} ends at ${file.size}, the position is ${position.offset}`)
    }
  } else if (last && isLater(position.file, last.name)) {
    throw ahead(`its newest binlog is ${last.name}, the position is in ${position.file}`)
  } else {
    const missing = `${position.file}:${position.offset} to ${facts.files[0]?.name ?? 'the end'}`
    throw gap(
      `the file ${position.file}, only ${facts.files[0]?.name ?? 'none'} and later ones: changes from ${missing} are gone`,
      missing,
    )
  }
}

/** By sequence number: as text, binlog.1000000 comes before binlog.999999. */
function isLater(one: string, other: string): boolean {
  return sequenceOf(one) > sequenceOf(other)
}

function shorten(set: string): string {
  return set.length > 300 ? `${set.slice(0, 300)}…` : set
}

function unrelated(): BingoError {
  return foreign('this server knows none of its transactions')
}

function foreign(why: string): BingoError {
  return new BingoError('BINGO_CHECKPOINT_FOREIGN', `The stored position belongs to another server: ${why}`, {
    hint: HINT,
  })
}

function ahead(why: string): BingoError {
  return new BingoError(
    'BINGO_CHECKPOINT_AHEAD',
    `The stored position is ahead of the server: ${why}. The server was restored or reset, lost its newest transactions in a crash, or is a replica that lags`,
    { hint: HINT },
  )
}

/** `missing` may be long: it is kept whole on record. */
function gap(what: string, missing: string): GapError {
  return new GapError('BINGO_SOURCE_GAP', `The server has purged ${what}, which BinGo had not read`, {
    missing,
    hint: `${HINT} Keep binlogs longer than BinGo may be down: SET PERSIST binlog_expire_logs_seconds = 604800;`,
  })
}
