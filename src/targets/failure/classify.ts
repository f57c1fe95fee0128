import type { DeliveryFailure } from '../../model/action.ts'

/**
 * What each trouble of each target means. `down`: the target takes nothing now, everything waits; `poison`: this
 * message will never be taken, it goes to the dead letters; `unknown`: cannot tell, retried up to `retry.attempts`.
 * The first row that fits decides; the last row of a table fits everything.
 */
export type Kind = DeliveryFailure['kind']

interface Row {
  /** Matched against what the target's column says below. */
  readonly when: RegExp
  readonly kind: Kind
  readonly why: string
}

/** Redis error replies, by their text (`CODE message`). */
export const REDIS_REPLIES: readonly Row[] = [
  { when: /^OOM /, kind: 'down', why: 'maxmemory is reached; room may come back' },
  { when: /^(READONLY|MASTERDOWN|NOREPLICAS) /, kind: 'down', why: 'fail-over under way' },
  { when: /^(LOADING|BUSY|MISCONF) /, kind: 'down', why: 'starting, running a script, or cannot persist' },
  { when: /^(CLUSTERDOWN|MOVED|ASK|TRYAGAIN) /, kind: 'down', why: 'slots are moving' },
  { when: /^BINGOFENCED /, kind: 'down', why: 'a newer run of this instance has taken over' },
  { when: /^(NOAUTH|WRONGPASS) /, kind: 'down', why: 'credentials are wrong for every command' },
  { when: /^ERR max number of clients/, kind: 'down', why: 'no connection is free' },
  { when: /^ERR .*(invalid password|without any password)/, kind: 'down', why: 'credentials are wrong' },
  { when: /^NOPERM /, kind: 'unknown', why: 'this command or key is not granted; others may be' },
  { when: /^(WRONGTYPE|CROSSSLOT|NOSCRIPT|ERR) /, kind: 'poison', why: 'the command itself is refused' },
  { when: /^/, kind: 'unknown', why: 'a reply that is not known' },
]

/** HTTP statuses that are no success. */
export const HTTP_STATUSES: readonly Row[] = [
  { when: /^3/, kind: 'unknown', why: 'redirects are not followed; the address in the rule is out of date' },
  { when: /^429$/, kind: 'down', why: 'asked to slow down' },
  { when: /^(408|425)$/, kind: 'unknown', why: 'asked to try again' },
  { when: /^4/, kind: 'poison', why: 'the request is refused and will be again' },
  { when: /^5/, kind: 'down', why: 'the server is in trouble, not the message' },
  { when: /^/, kind: 'unknown', why: 'no status of HTTP' },
]

/** Kafka protocol errors by name. */
export const KAFKA_ERRORS: readonly Row[] = [
  { when: /^(MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE)$/, kind: 'poison', why: 'over max.message.bytes of the topic' },
  { when: /^(INVALID_RECORD|INVALID_TIMESTAMP|CORRUPT_MESSAGE)$/, kind: 'poison', why: 'the record is refused' },
  { when: /^INVALID_TOPIC_EXCEPTION$/, kind: 'poison', why: 'the rendered topic is no legal name' },
  { when: /^UNKNOWN_TOPIC_OR_PARTITION$/, kind: 'unknown', why: 'the topic is missing, or not known yet' },
  { when: /^TOPIC_AUTHORIZATION_FAILED$/, kind: 'unknown', why: 'this topic is not granted; others may be' },
  { when: /^/, kind: 'down', why: 'brokers, leaders or connection' },
]

/** AMQP 0-9-1 reply codes of returned messages and closed channels, or the client's own error codes. */
export const AMQP_ERRORS: readonly Row[] = [
  { when: /^(312|NO_ROUTE)$/, kind: 'unknown', why: 'no queue is bound for the routing key (yet)' },
  { when: /^(404|NOT_FOUND)$/, kind: 'unknown', why: 'the exchange does not exist (yet)' },
  { when: /^(403|ACCESS_REFUSED)$/, kind: 'unknown', why: 'this exchange is not granted; others may be' },
  { when: /^NACK$/, kind: 'unknown', why: 'this queue is full or cannot store; others may' },
  { when: /^(311|CONTENT_TOO_LARGE|406|PRECONDITION_FAILED)$/, kind: 'poison', why: 'the message is refused' },
  { when: /^/, kind: 'down', why: 'broker or connection' },
]

/** NATS: JetStream API error codes (`err_code`), or the client's error names. */
export const NATS_ERRORS: readonly Row[] = [
  { when: /^10054$/, kind: 'poison', why: 'over max_msg_size of the stream' },
  { when: /^(MAX_PAYLOAD|InvalidSubjectError|InvalidArgumentError)$/, kind: 'poison', why: 'the message is refused' },
  { when: /^(NoRespondersError|503)$/, kind: 'unknown', why: 'no stream takes this subject (yet)' },
  { when: /^PermissionViolationError$/, kind: 'unknown', why: 'this subject is not granted; others may be' },
  { when: /^/, kind: 'down', why: 'server or connection, or the stream is full' },
]

/** gRPC status names. */
export const GRPC_STATUSES: readonly Row[] = [
  { when: /^(INVALID_ARGUMENT|NOT_FOUND|ALREADY_EXISTS|OUT_OF_RANGE|DATA_LOSS)$/, kind: 'poison', why: 'refused' },
  { when: /^(FAILED_PRECONDITION|PERMISSION_DENIED)$/, kind: 'poison', why: 'refused as the receiver’s state is' },
  { when: /^UNIMPLEMENTED$/, kind: 'poison', why: 'the method does not exist there' },
  {
    when: /^(UNAVAILABLE|RESOURCE_EXHAUSTED|DEADLINE_EXCEEDED|UNAUTHENTICATED)$/,
    kind: 'down',
    why: 'takes nothing now',
  },
  { when: /^CANCELLED$/, kind: 'down', why: 'cut off in the middle, as by a server that stops' },
  { when: /^/, kind: 'unknown', why: 'ABORTED, INTERNAL, UNKNOWN: cannot tell' },
]

/** SQL: error codes as mysql2 names them. */
export const SQL_ERRORS: readonly Row[] = [
  {
    when: /^ER_(LOCK_DEADLOCK|LOCK_WAIT_TIMEOUT|QUERY_TIMEOUT|STATEMENT_TIMEOUT)$/,
    kind: 'unknown',
    why: 'contention',
  },
  {
    when: /^ER_(CON_COUNT_ERROR|TOO_MANY_USER_CONNECTIONS|USER_LIMIT_REACHED)$/,
    kind: 'down',
    why: 'no connection is free',
  },
  {
    when: /^ER_(ACCESS_DENIED_ERROR|DBACCESS_DENIED_ERROR|BAD_DB_ERROR|HOST_NOT_PRIVILEGED)$/,
    kind: 'down',
    why: 'no way in',
  },
  {
    when: /^ER_(OPTION_PREVENTS_STATEMENT|READ_ONLY_MODE|SERVER_SHUTDOWN)$/,
    kind: 'down',
    why: 'read-only or stopping',
  },
  { when: /^ER_(RECORD_FILE_FULL|DISK_FULL(_NOWAIT)?|OUT_OF_RESOURCES|OUTOFMEMORY)$/, kind: 'down', why: 'full' },
  {
    when: /^ER_(NO_SUCH_TABLE|TABLEACCESS_DENIED_ERROR|COLUMNACCESS_DENIED_ERROR)$/,
    kind: 'unknown',
    why: 'may be mended',
  },
  { when: /^ER_/, kind: 'poison', why: 'the statement with these values is refused' },
  { when: /^/, kind: 'down', why: 'connection' },
]

/** The row of a table that fits; tables end in a row that always does. */
export function classify(table: readonly Row[], text: string): Kind {
  return table.find((row) => row.when.test(text))?.kind ?? 'unknown'
}
