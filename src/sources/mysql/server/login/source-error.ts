import { BingoError } from '../../../../model/errors.ts'
import { printAddress, type SourceAddress } from '../../source-address.ts'
import { loginVerdict } from './login-error.ts'
import type { RawError, Verdict } from '../preflight/verdict.ts'

const SET_POSITION =
  'BinGo skipped nothing. To accept the gap, run `bingo position set earliest` (everything that is left) or `bingo position set latest`, or set source.onGap.'

/**
 * Asked for its binlogs while log_bin says ON: MySQL with binlog_error_action=IGNORE_ERROR, and MariaDB always, go on
 * without a binlog when they cannot write it, until they are restarted.
 */
export const BINLOG_STOPPED: Verdict = {
  code: 'BINGO_SOURCE_NO_BINLOG',
  retryable: false,
  hint: 'Check the error log of the server, repair the disk that holds log_bin and restart the server. Transactions committed in the meantime are in no binlog: rebuild whatever depends on them.',
}

/**
 * Error 1236 covers everything that can go wrong with a dump; only the text tells which (sql/rpl_binlog_sender.cc in
 * MySQL, sql/sql_repl.cc in MariaDB). First match wins.
 */
const DUMP_MESSAGES: readonly (readonly [RegExp, Verdict])[] = [
  [/binary log is not open/i, BINLOG_STOPPED],
  [
    /same server_(uuid|id)/i,
    {
      code: 'BINGO_SOURCE_DUPLICATE_ID',
      retryable: true,
      hint: 'Give each BinGo its own `name`, or set source.serverId: another replica has the same identity.',
    },
  ],
  [
    /purged|could not find first log|Could not find GTID state requested/i,
    {
      code: 'BINGO_SOURCE_GAP',
      retryable: false,
      hint: `The server has purged binlogs that BinGo had not read. ${SET_POSITION} Keep binlogs longer: SET PERSIST binlog_expire_logs_seconds = 604800;`,
    },
  ],
  [
    /more GTIDs than the|not in the (master|source)'s binlog|diverged/i,
    {
      code: 'BINGO_SOURCE_AHEAD',
      retryable: false,
      hint: `The server lacks transactions that BinGo has read: it was restored, reset, or lost its newest ones in a crash (sync_binlog <> 1). ${SET_POSITION}`,
    },
  ],
  [
    /position > file size|impossible position/i,
    {
      code: 'BINGO_SOURCE_IMPOSSIBLE_POSITION',
      retryable: false,
      hint: `The binlog is shorter than the position: the server lost its end in a crash (sync_binlog <> 1), or is another server. ${SET_POSITION}`,
    },
  ],
  [
    /max_allowed_packet/i,
    {
      code: 'BINGO_SOURCE_EVENT_TOO_LARGE',
      retryable: false,
      hint: 'SET GLOBAL max_allowed_packet = 1073741824; If it is that large already, the position is inside an event.',
    },
  ],
  [
    /GTID_MODE/i,
    {
      code: 'BINGO_SOURCE_GTID_MODE',
      retryable: false,
      hint: 'Set gtid_mode=ON, or run `bingo position set FILE:POS`: the position is a GTID set, but GTIDs are off on this server.',
    },
  ],
  [
    /bogus data|truncated in the middle|error reading log entry|crc|checksum|read error/i,
    {
      code: 'BINGO_SOURCE_BINLOG_DAMAGED',
      retryable: true,
      hint: 'Check the disk of the server and run mysqlbinlog --verify-binlog-checksum on the file: the server cannot read its own binlog.',
    },
  ],
]

const NETWORK: Verdict = {
  code: 'BINGO_SOURCE_UNREACHABLE',
  retryable: true,
  hint: 'Check that the server is up, and check host and port in source.url.',
}
const LOST: Verdict = {
  code: 'BINGO_SOURCE_CONNECTION_LOST',
  retryable: true,
  hint: 'BinGo reconnects and resumes at the last transaction boundary.',
}
const GRANT: Verdict = {
  code: 'BINGO_SOURCE_GRANT_MISSING',
  retryable: false,
  hint: "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'user'@'host';",
}
/** SHOW BINLOG EVENTS: no such file, or no event begins there. */
const NO_SUCH_PLACE: Verdict = {
  code: 'BINGO_SOURCE_IMPOSSIBLE_POSITION',
  retryable: false,
  hint: "Check file and offset: SHOW BINARY LOGS; SHOW BINLOG EVENTS IN 'FILE' LIMIT 10;",
}

const BY_ERRNO: { readonly [errno: number]: Verdict } = {
  1142: GRANT,
  1227: GRANT,
  1053: LOST,
  1158: LOST,
  1159: LOST,
  1160: LOST,
  1161: LOST,
  1220: NO_SUCH_PLACE,
  1317: LOST,
  1381: BINLOG_STOPPED,
  1927: LOST,
  3024: LOST,
  3169: LOST,
  4031: LOST,
}

const UNREACHABLE_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ETIMEDOUT',
])
const LOST_CODES = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_WRITE_AFTER_END',
  'ERR_STREAM_DESTROYED',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'PROTOCOL_UNEXPECTED_PACKET',
])

/**
 * Turns whatever a connection failed with into a BingoError that says whether trying again can help and what the
 * operator does. A BingoError passes unchanged.
 */
export function classifyError(error: unknown, address: SourceAddress): BingoError {
  if (error instanceof BingoError) return error
  const raw: RawError = error instanceof Error ? error : { message: String(error) }
  const { code, retryable, hint, message = raw.message } = loginVerdict(raw, address) ?? verdict(raw)
  return new BingoError(code, `${describe(code, address)}: ${message}`, { hint, retryable, cause: error })
}

function verdict(error: RawError): Verdict {
  if (error.errno === 1236 || error.errno === 1373) return dumpVerdict(error.message)
  const known = error.errno === undefined ? undefined : BY_ERRNO[error.errno]
  if (known) return known
  const code = error.code ?? ''
  if (UNREACHABLE_CODES.has(code)) return NETWORK
  if (LOST_CODES.has(code)) return LOST
  // Anything else may be passing (the server is starting up) or not; retrying is safe, and the log says what it is.
  return { ...LOST, code: 'BINGO_SOURCE_FAILED', hint: 'Check the server’s error log.' }
}

function dumpVerdict(message: string): Verdict {
  for (const [pattern, found] of DUMP_MESSAGES) if (pattern.test(message)) return found
  return {
    code: 'BINGO_SOURCE_DUMP_REFUSED',
    retryable: false,
    hint: 'Check the server’s error log: it refuses to send its binlog from this position.',
  }
}

function describe(code: string, address: SourceAddress): string {
  const server = `MySQL at ${printAddress(address)}`
  switch (code) {
    case 'BINGO_SOURCE_ACCESS_DENIED':
      return `${server} denies access to the user "${address.user}"`
    case 'BINGO_SOURCE_GRANT_MISSING':
      return `The user "${address.user}" lacks a privilege on ${server}`
    case 'BINGO_SOURCE_UNREACHABLE':
      return `${server} is unreachable`
    case 'BINGO_SOURCE_TLS':
      return `TLS connection to ${server} failed`
    case 'BINGO_SOURCE_AUTH_PLUGIN':
    case 'BINGO_SOURCE_REFUSED':
      return `${server} refuses the login of "${address.user}"`
    default:
      return server
  }
}
