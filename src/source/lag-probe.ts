import { MysqlGtidSet } from '../core/gtid-set.ts'
import { MariadbGtidPosition } from '../core/mariadb-gtid-position.ts'
import { BingoError } from '../core/errors.ts'
import { sequenceOf, type SourcePosition } from '../core/position.ts'
import { binlogEnd } from './binlog-status.ts'
import type { ControlConnection } from './control-connection.ts'
import { readServerFacts, type ServerFacts } from './server-facts.ts'

export interface LagReport {
  /** Everything that the server had written when it was asked has been read. */
  readonly caughtUp: boolean
  /** The server's own end. */
  readonly end: SourcePosition
  readonly position: SourcePosition
}

/**
 * Asks the server where its binlog ends, and only then looks how far we are, so that "caught up" is true on a busy
 * server too. Without REPLICATION CLIENT the executed GTID set is asked for, which needs no privilege; null where that
 * is not there either.
 */
export async function probeLag(
  control: ControlConnection,
  facts: ServerFacts,
  position: () => SourcePosition,
): Promise<LagReport | null> {
  const end = await endOf(control, facts)
  if (end === null) return null
  const ours = position()
  return { caughtUp: reaches(ours, end), end, position: ours }
}

async function endOf(control: ControlConnection, facts: ServerFacts): Promise<SourcePosition | null> {
  try {
    return await binlogEnd(control, facts)
  } catch (error) {
    if (!(error instanceof BingoError) || error.code !== 'BINGO_SOURCE_GRANT_MISSING' || !facts.gtids) throw error
    const { flavour, executed } = await readServerFacts(control)
    return { flavour, file: '', offset: 0, gtidSet: executed }
  }
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
