import { MysqlGtidSet } from './gtid/gtid-set.ts'
import { MariadbGtidPosition } from './gtid/mariadb-gtid-position.ts'
import { BingoError } from '../../model/errors.ts'
import type { StartPoint } from '../../model/source/position.ts'

/** First event of every binlog file, after the magic number. */
export const FIRST_OFFSET = 4
/** COM_BINLOG_DUMP carries the offset in four bytes. */
export const LAST_OFFSET = 0xffff_ffff

/**
 * Reads `latest`, `earliest`, `FILE:POS`, a MySQL GTID set or a MariaDB GTID position.
 * Throws BINGO_START_INVALID.
 */
export function parseStartPoint(text: string): StartPoint {
  const trimmed = text.trim()
  if (/^latest$/i.test(trimmed)) return { tag: 'latest' }
  if (/^earliest$/i.test(trimmed)) return { tag: 'earliest' }
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(trimmed)) return { tag: 'gtid', gtidSet: gtidSet(trimmed) }
  if (/^\d+-\d+-\d+(\s*,|$)/.test(trimmed)) {
    return { tag: 'gtid', gtidSet: checked(trimmed, () => MariadbGtidPosition.parse(trimmed).toString()) }
  }
  const file = /^([^:\s/]+):(\d{1,15})$/.exec(trimmed)
  if (file) return filePoint(trimmed, file[1]!, Number(file[2]))
  throw invalid(trimmed, 'unknown form')
}

/** The same text again, for logs. */
export function printStartPoint(start: StartPoint): string {
  switch (start.tag) {
    case 'latest':
    case 'earliest':
      return start.tag
    case 'file':
      return `${start.file}:${start.offset}`
    case 'gtid':
      return start.gtidSet
  }
}

function gtidSet(text: string): string {
  const set = checked(text, () => MysqlGtidSet.parse(text).toString())
  // `uuid:tag` alone is a set too, of nothing: asking for it would bring the whole history.
  if (set === '') throw invalid(text, 'it contains no transaction')
  return set
}

function filePoint(text: string, file: string, offset: number): StartPoint {
  if (offset < FIRST_OFFSET) throw invalid(text, `a binlog begins at ${FIRST_OFFSET}`)
  if (offset > LAST_OFFSET) throw invalid(text, 'offsets above 4 GB are not supported; use a GTID set')
  return { tag: 'file', file, offset }
}

function checked(text: string, parse: () => string): string {
  try {
    return parse()
  } catch (error) {
    throw invalid(text, error instanceof Error ? error.message : String(error))
  }
}

function invalid(text: string, why: string): BingoError {
  const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text
  return new BingoError('BINGO_START_INVALID', `"${shown}" is not a valid binlog position: ${why}`, {
    hint: 'Write latest, earliest, FILE:POS (binlog.000003:157) or a GTID set (uuid:1-42; MariaDB 0-1-42).',
  })
}
