import { MysqlGtidSet } from '../../gtid/gtid-set.ts'
import { MariadbGtidPosition } from '../../gtid/mariadb-gtid-position.ts'
import { BingoError } from '../../../../model/errors.ts'
import { sequenceOf, type SourcePosition } from '../../../../model/source/position.ts'
import { binlogEnd } from '../binlog-status.ts'
import type { ControlConnection } from '../login/control-connection.ts'
import { readServerFacts, type ServerFacts } from '../server-facts.ts'
import { BINLOG_STOPPED } from '../login/source-error.ts'

export interface LagReport {
  /** Everything that the server had written when it was asked has been read. */
  readonly caughtUp: boolean
  /** The server's own end. */
  readonly end: SourcePosition
  readonly position: SourcePosition
}

/**
 * Asks the server where its binlog ends, and only then looks how far we are, so that "caught up" is true on a busy
 * server too. Without REPLICATION CLIENT the executed GTID set is asked for, which needs no privilege. Throws
 * BINGO_SOURCE_NO_BINLOG when the server has stopped writing its binlog.
 */
export async function probeLag(
  control: ControlConnection,
  facts: ServerFacts,
  position: () => SourcePosition,
): Promise<LagReport> {
  const end = await endOf(control, facts)
  const ours = position()
  return { caughtUp: reaches(ours, end), end, position: ours }
}

async function endOf(control: ControlConnection, facts: ServerFacts): Promise<SourcePosition> {
  try {
    const end = await binlogEnd(control, facts)
    if (end === null) throw binlogStopped()
    return end
  } catch (error) {
    if (!(error instanceof BingoError) || error.code !== 'BINGO_SOURCE_GRANT_MISSING' || !facts.gtids) throw error
    const { flavour, executed } = await readServerFacts(control)
    return { flavour, file: '', offset: 0, gtidSet: executed }
  }
}

function binlogStopped(): BingoError {
  const { code, ...advice } = BINLOG_STOPPED
  return new BingoError(code, 'The server has stopped writing its binlog but accepts changes', advice)
}

/** Whether `position` lies at or behind `end`, by GTID where both have them. */
export function reaches(position: SourcePosition, end: SourcePosition): boolean {
  if (position.file === end.file && position.offset >= end.offset) return true
  if (position.gtidSet !== null && end.gtidSet !== null && end.gtidSet !== '') {
    return position.flavour === 'mysql'
      ? MysqlGtidSet.parse(position.gtidSet).containsSet(MysqlGtidSet.parse(end.gtidSet))
      : MariadbGtidPosition.parse(position.gtidSet).containsSet(MariadbGtidPosition.parse(end.gtidSet))
  }
  return end.file !== '' && sequenceOf(position.file) > sequenceOf(end.file)
}
