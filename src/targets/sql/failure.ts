import type { DeliveryFailure } from '../../model/rule/action.ts'
import { receiverAnswer } from '../../model/rule/outcome.ts'
import { DeadlineError } from '../../model/with-deadline.ts'
import { classify, classifyThrown, SQL_ERRORS } from '../failure/classify.ts'
import { codeOf, reasonOf } from '../failure/error-text.ts'
import { deliveryFailure } from '../failure/failure.ts'
import { tlsHint } from '../failure/tls-hint.ts'

/** What the operator does about it, by error number. */
const HINTS: { readonly [number: number]: string } = {
  1040: 'Raise max_connections of the server, or lower `connections` of the target.',
  1044: 'Grant the user access to the database in the address.',
  1045: 'Check user and password in the address.',
  1049: 'Create the database that the address names.',
  1142: 'Grant the user the privilege that the statement needs on its table.',
  1143: 'Grant the user the columns that the statement uses.',
  1153: 'Raise max_allowed_packet of the server, or send less.',
  1203: 'Raise max_user_connections of the user, or lower `connections` of the target.',
  1226: 'Raise the resource limits of the user: ALTER USER … WITH MAX_QUERIES_PER_HOUR 0 MAX_USER_CONNECTIONS 0.',
  1290: 'Use the address of the primary: this server is read-only (read_only, super_read_only).',
  1698: 'Check user and password in the address.',
  1820: 'Set a new password (the old one has expired): ALTER USER … IDENTIFIED BY …, then update the address.',
  1836: 'Use the address of the primary: this server is read-only.',
  1862: 'Set a new password (the old one has expired): ALTER USER … IDENTIFIED BY …, then update the address.',
  3032: 'Run SET GLOBAL offline_mode = OFF: the server is in offline mode.',
  3118: 'Run ALTER USER … ACCOUNT UNLOCK: the account is locked.',
  3159: 'Set `tls: {}` with the authority of the server’s certificate as `ca`: the server requires TLS.',
  3955: 'Run ALTER USER … ACCOUNT UNLOCK: the account is locked after too many failed logins.',
  4151: 'Run ALTER USER … ACCOUNT UNLOCK: the account is locked.',
}

/** What mysql2 calls a statement that took longer than its timeout. */
const QUERY_TIMEOUT = 'PROTOCOL_SEQUENCE_TIMEOUT'

/** What the server answered: mysql2 gives its number and its SQLSTATE. */
interface ServerAnswer {
  readonly errno: number
  readonly sqlState: string
}

/** Not sent: the server would not have read it to its end. */
export class TooLargeError extends Error {
  constructor(maxBytes: number) {
    super(`the values exceed max_allowed_packet (${maxBytes} bytes)`)
    this.name = 'TooLargeError'
  }
}

/** A statement, or the way to one, failed. */
export function sqlFailure(address: string, error: unknown): DeliveryFailure {
  if (error instanceof TooLargeError) {
    const hint = HINTS[1153]
    return deliveryFailure('poison', 'BINGO_SQL_REFUSED', `MySQL at ${address}: not sent, ${error.message}`, { hint })
  }
  const answered = isServerAnswer(error)
  const kind = answered ? classify(SQL_ERRORS, `${error.errno} ${error.sqlState}`) : classifyThrown(error)
  // The server's message may quote values, and a trigger's message may be nothing else: number and name say enough.
  const reason = answered ? nameOf(error) : reasonOf(error)
  const code = kind === 'down' ? 'BINGO_SQL_UNREACHABLE' : 'BINGO_SQL_REFUSED'
  return deliveryFailure(kind, code, `MySQL at ${address}: ${reason}`, {
    hint: answered ? HINTS[error.errno] : tlsHint(error),
    cause: error,
    answer: answered ? receiverAnswer(String(error.errno), reasonOf(error)) : undefined,
    timedOut: error instanceof DeadlineError || codeOf(error) === QUERY_TIMEOUT,
  })
}

function isServerAnswer(error: unknown): error is ServerAnswer {
  if (typeof error !== 'object' || error === null || !('errno' in error) || !('sqlState' in error)) return false
  return typeof error.errno === 'number' && error.errno > 0 && typeof error.sqlState === 'string'
}

/** mysql2 knows MySQL's names; MariaDB has others from 3000 on. */
function nameOf(error: ServerAnswer): string {
  const name = codeOf(error)
  const known = name !== undefined && /^(ER|WARN)_/.test(name) && (error.errno < 3000 || error.errno in HINTS)
  return `${known && error.errno !== 4151 ? `${name}, ` : ''}error ${error.errno} (SQLSTATE ${error.sqlState})`
}
