import { resumesByGtid, validateCheckpoint } from './server/validate-position.ts'
import { BingoError } from '../../model/errors.ts'
import type { SourcePosition, StartPoint } from '../../model/source/position.ts'
import { type BinlogFile, binlogEnd, binlogFiles, mariadbGtidAt } from './server/binlog-status.ts'
import type { ControlConnection } from './server/login/control-connection.ts'
import { executedAt } from './server/gtid-at.ts'
import type { ServerFacts } from './server/server-facts.ts'
import { FIRST_OFFSET, LAST_OFFSET } from './start-point.ts'

/** Where the next connection begins. */
export interface ResumePoint {
  readonly position: SourcePosition
  /** Ask by GTID set; otherwise by file and offset. */
  readonly byGtid: boolean
  /** The file must have this creation time, or it is another one of the same name; null: not known. */
  readonly fileCreated: number | null
}

/** A place to go on from, and what is known of the server it was read from. */
export interface KnownPosition {
  readonly position: SourcePosition
  readonly identity: string
  readonly fileCreated: number
}

/** The first start of all: nothing was read before. */
export async function startAt(start: StartPoint, control: ControlConnection, facts: ServerFacts): Promise<ResumePoint> {
  switch (start.tag) {
    case 'latest': {
      const position = await binlogEnd(control, facts)
      if (position === null) throw noBinlog()
      return { position, byGtid: resumesByGtid(position, facts), fileCreated: null }
    }
    case 'earliest': {
      const [first] = await binlogFiles(control)
      if (!first) throw noBinlog()
      return byFile(facts, first.name, FIRST_OFFSET, null)
    }
    case 'file':
      return byFile(facts, start.file, start.offset, await executedAt(control, facts, start.file, start.offset))
    case 'gtid':
      return byGtidSet(facts, start.gtidSet)
  }
}

/** Goes on from a checkpoint or, after a loss, from where the feed has come. Throws as `validateCheckpoint` does. */
export async function resumeFrom(
  known: KnownPosition,
  control: ControlConnection,
  facts: ServerFacts,
): Promise<ResumePoint> {
  const { position, identity, fileCreated } = known
  const files = await filesIfAllowed(control)
  const server = { flavour: position.flavour, server: identity, fileCreated }
  const purged = facts.flavour === 'mariadb' ? await mariadbPurged(control, files) : facts.purged
  validateCheckpoint({ position, server }, { ...facts, files, purged })
  const byGtid = resumesByGtid(position, facts)
  if (!byGtid && position.offset > LAST_OFFSET) throw beyondFourGigabytes(position)
  return { position, byGtid, fileCreated: byGtid || fileCreated === 0 ? null : fileCreated }
}

function byFile(facts: ServerFacts, file: string, offset: number, gtidSet: string | null): ResumePoint {
  return { position: { flavour: facts.flavour, file, offset, gtidSet }, byGtid: false, fileCreated: null }
}

/** The file becomes known with the first event. */
function byGtidSet(facts: ServerFacts, gtidSet: string): ResumePoint {
  const isMysqlSet = gtidSet.includes(':')
  if (gtidSet !== '' && isMysqlSet !== (facts.flavour === 'mysql')) {
    throw new BingoError('BINGO_START_INVALID', `"${gtidSet}" is not a valid GTID set for a ${facts.flavour} server`, {
      hint: 'Write uuid:1-42 for MySQL, 0-1-42 for MariaDB.',
    })
  }
  if (!facts.gtids) {
    throw new BingoError(
      'BINGO_SOURCE_GTID_MODE',
      'The start position is a GTID set, but gtid_mode is not ON on this server',
      {
        hint: 'Start at FILE:POS, earliest or latest, or enable GTIDs.',
      },
    )
  }
  const position: SourcePosition = { flavour: facts.flavour, file: '', offset: FIRST_OFFSET, gtidSet }
  const server = { flavour: facts.flavour, server: facts.identity, fileCreated: 0 }
  validateCheckpoint({ position, server }, { ...facts, files: null })
  return { position, byGtid: true, fileCreated: null }
}

/** What had been executed before the oldest file begins. */
async function mariadbPurged(control: ControlConnection, files: readonly BinlogFile[] | null): Promise<string | null> {
  const oldest = files?.[0]
  return oldest === undefined ? null : mariadbGtidAt(control, oldest.name, FIRST_OFFSET)
}

async function filesIfAllowed(control: ControlConnection): Promise<readonly BinlogFile[] | null> {
  try {
    return await binlogFiles(control)
  } catch (error) {
    if (error instanceof BingoError && error.code === 'BINGO_SOURCE_GRANT_MISSING') return null
    throw error
  }
}

function noBinlog(): BingoError {
  return new BingoError('BINGO_SOURCE_NO_BINLOG', 'The server does not write a binlog', {
    hint: 'Set log_bin=binlog and server_id in my.cnf, remove skip-log-bin, and restart the server.',
  })
}

function beyondFourGigabytes(position: SourcePosition): BingoError {
  return new BingoError(
    'BINGO_SOURCE_IMPOSSIBLE_POSITION',
    `${position.file}:${position.offset} exceeds 4 GB, the maximum offset at which a server can start`,
    {
      hint: 'Enable GTIDs, or lower max_binlog_size and avoid transactions of several GB; then run `bingo position set`.',
    },
  )
}
