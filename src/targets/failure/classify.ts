import type { DeliveryFailure } from '../../model/rule/action.ts'
import { DeadlineError } from '../../model/with-deadline.ts'
import { codeOf } from './error-text.ts'

/**
 * What each trouble of each target means. `down`: the target takes nothing now, everything waits; `poison`: this
 * message will never be taken, it goes to the dead letters; `unknown`: cannot tell, retried up to `retry.attempts`.
 * The first row that fits decides; the last row of a table fits everything, and is never `down`: who answers about one
 * message is up, and one message must not keep all others waiting because nobody has listed its error.
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
  { when: /^DENIED /, kind: 'down', why: 'protected mode: no client of another machine is let in' },
  {
    when: /^NOPERM .*(access|key|channel)/i,
    kind: 'unknown',
    why: 'this key or channel is not granted; others may be',
  },
  { when: /^NOPERM /, kind: 'down', why: 'the user may not run the command, whichever key it names' },
  { when: /^(WRONGTYPE|CROSSSLOT|NOSCRIPT|ERR) /, kind: 'poison', why: 'the command itself is refused' },
  { when: /^/, kind: 'unknown', why: 'Redis answers, but with an error that is not known' },
]

/** HTTP statuses that are no success. */
export const HTTP_STATUSES: readonly Row[] = [
  { when: /^3/, kind: 'unknown', why: 'redirects are not followed; the address in the rule is out of date' },
  { when: /^429$/, kind: 'down', why: 'asked to slow down' },
  { when: /^(401|402|403|407)$/, kind: 'down', why: 'credentials are wrong or have expired: true of every request' },
  { when: /^(408|425)$/, kind: 'unknown', why: 'asked to try again' },
  { when: /^4/, kind: 'poison', why: 'the request is refused and will be again' },
  { when: /^(501|505)$/, kind: 'poison', why: 'the method or the protocol is not known there' },
  { when: /^5/, kind: 'down', why: 'the server is in trouble, not the message' },
  { when: /^/, kind: 'unknown', why: 'no status of HTTP' },
]

/** Kafka protocol errors by name. */
export const KAFKA_ERRORS: readonly Row[] = [
  { when: /^(MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE)$/, kind: 'poison', why: 'over max.message.bytes of the topic' },
  { when: /^(INVALID_RECORD|INVALID_TIMESTAMP|CORRUPT_MESSAGE)$/, kind: 'poison', why: 'the record is refused' },
  { when: /^INVALID_TOPIC_EXCEPTION$/, kind: 'poison', why: 'the rendered topic is no legal name' },
  { when: /^UNKNOWN_TOPIC_OR_PARTITION$/, kind: 'unknown', why: 'the topic is missing, or not known yet' },
  { when: /_(AUTHORIZATION|AUTHENTICATION)_FAILED$/, kind: 'down', why: 'the user is not let in, or not granted this' },
  { when: /^(ILLEGAL_SASL_STATE|UNSUPPORTED_SASL_MECHANISM|SECURITY_DISABLED)$/, kind: 'down', why: 'no way in' },
  {
    when: /^(LEADER_NOT_AVAILABLE|NOT_LEADER_OR_FOLLOWER|REPLICA_NOT_AVAILABLE|BROKER_NOT_AVAILABLE|LISTENER_NOT_FOUND)$/,
    kind: 'down',
    why: 'partitions have no leader, or are moving',
  },
  {
    when: /^(FENCED_LEADER_EPOCH|UNKNOWN_LEADER_EPOCH|STALE_BROKER_EPOCH|PREFERRED_LEADER_NOT_AVAILABLE)$/,
    kind: 'down',
    why: 'a leader changes',
  },
  { when: /^NOT_ENOUGH_REPLICAS/, kind: 'down', why: 'too few replicas are in sync' },
  {
    when: /^(REQUEST_TIMED_OUT|NETWORK_EXCEPTION|KAFKA_STORAGE_ERROR|THROTTLING_QUOTA_EXCEEDED|NOT_CONTROLLER)$/,
    kind: 'down',
    why: 'brokers are slow, cannot reach each other, or cannot store',
  },
  { when: /^(COORDINATOR_|NOT_COORDINATOR|CONCURRENT_TRANSACTIONS)/, kind: 'down', why: 'a coordinator is missing' },
  {
    when: /^(OUT_OF_ORDER_SEQUENCE_NUMBER|UNKNOWN_PRODUCER_ID|INVALID_PRODUCER_EPOCH|PRODUCER_FENCED)$/,
    kind: 'down',
    why: 'the next producer begins with numbers of its own',
  },
  { when: /^/, kind: 'unknown', why: 'a broker answers, but with an error that is not known' },
]

/** AMQP 0-9-1 reply codes of returned messages and closed channels, or the client's own error codes. */
export const AMQP_ERRORS: readonly Row[] = [
  { when: /^(312|NO_ROUTE)$/, kind: 'unknown', why: 'no queue is bound for the routing key (yet)' },
  { when: /^(404|NOT_FOUND)$/, kind: 'unknown', why: 'the exchange does not exist (yet)' },
  { when: /^(403|ACCESS_REFUSED)$/, kind: 'down', why: 'the user may not write to the exchange, whatever is sent' },
  { when: /^NACK$/, kind: 'unknown', why: 'this queue is full or cannot store; others may' },
  { when: /^(311|CONTENT_TOO_LARGE|406|PRECONDITION_FAILED)$/, kind: 'poison', why: 'the message is refused' },
  { when: /^CODEC$/, kind: 'poison', why: 'the client cannot encode it: headers that fill more than one frame' },
  {
    when: /^(FRAME_ERROR|SYNTAX_ERROR|UNEXPECTED_FRAME|COMMAND_INVALID)$/,
    kind: 'unknown',
    why: 'what was sent is bad',
  },
  {
    when: /^(CONNECTION_FORCED|INTERNAL_ERROR|RESOURCE_ERROR|NOT_ALLOWED|RESOURCE_LOCKED|CHANNEL_ERROR)$/,
    kind: 'down',
    why: 'the broker stops, or lets nobody in',
  },
  { when: /^(CONN?_|CH_|CONNECTION|TRANSPORT_|RPC_|HEARTBEAT|VERSION_)/, kind: 'down', why: 'connection' },
  { when: /^/, kind: 'unknown', why: 'the broker answers, but with an error that is not known' },
]

/** NATS: JetStream API error codes (`err_code`), or the client's error names. */
export const NATS_ERRORS: readonly Row[] = [
  { when: /^10054\b/, kind: 'poison', why: 'over max_msg_size of the stream' },
  { when: /^(10060|10070|10071)\b/, kind: 'poison', why: 'an expectation in a header of the message does not hold' },
  { when: /^(MAX_PAYLOAD|InvalidSubjectError|InvalidArgumentError)$/, kind: 'poison', why: 'the message is refused' },
  { when: /^(NoRespondersError$|503\b)/, kind: 'unknown', why: 'no stream takes this subject (yet)' },
  { when: /^PermissionViolationError$/, kind: 'down', why: 'the user may not publish to the subject' },
  { when: /^10077 .*per subject/, kind: 'unknown', why: 'the stream is full for this subject; not for others' },
  { when: /^(10077|10047|10023|10028|10002|10008|10009|10074)\b/, kind: 'down', why: 'full, or without a leader' },
  { when: /^(Authorization|UserAuthenticationExpired)Error$/, kind: 'down', why: 'credentials are wrong or expired' },
  {
    when: /^(Deadline|Timeout|ClosedConnection|DrainingConnection|Connection|Protocol|Request)Error$/,
    kind: 'down',
    why: 'server or connection',
  },
  { when: /^/, kind: 'unknown', why: 'the server answers, but with an error that is not known' },
]

/** gRPC status names, and behind a blank what the server says about it. */
export const GRPC_STATUSES: readonly Row[] = [
  {
    when: /^(INVALID_ARGUMENT|NOT_FOUND|ALREADY_EXISTS|OUT_OF_RANGE|DATA_LOSS|FAILED_PRECONDITION)\b/,
    kind: 'poison',
    why: 'refused, by itself or as the receiver’s state is',
  },
  { when: /^UNIMPLEMENTED\b/, kind: 'poison', why: 'the method does not exist there' },
  {
    when: /^RESOURCE_EXHAUSTED .*(message|metadata|header).*(larger|exceed|too (large|big)|max)/i,
    kind: 'poison',
    why: 'over the receiver’s limit for one message; the status stands for rate limits as well',
  },
  { when: /^(UNAUTHENTICATED|PERMISSION_DENIED)\b/, kind: 'down', why: 'credentials are wrong for every call' },
  { when: /^(UNAVAILABLE|RESOURCE_EXHAUSTED|DEADLINE_EXCEEDED)\b/, kind: 'down', why: 'takes nothing now' },
  { when: /^CANCELLED\b/, kind: 'down', why: 'cut off in the middle, as by a server that stops' },
  { when: /^/, kind: 'unknown', why: 'ABORTED, INTERNAL, UNKNOWN: cannot tell' },
]

/**
 * SQL: what the server answered, as `NUMBER SQLSTATE`. Numbers, because MySQL and MariaDB give those from 3000 on different
 * names. What they mean: MySQL's error message reference, MariaDB's list of error codes.
 */
export const SQL_ERRORS: readonly Row[] = [
  { when: /^(1205|1213|1317|3024|1969|3572|1206|1615|1243|3101) /, kind: 'unknown', why: 'contention, or cut short' },
  { when: /^(1040|1203|1226|1461|1135) /, kind: 'down', why: 'no connection, or no statement, is free' },
  { when: /^(1044|1045|1049|1129|1130|1251|1524|1698|1873|3159|3879) /, kind: 'down', why: 'no way in' },
  { when: /^(1820|1862|3118|3955|4151) /, kind: 'down', why: 'the password has expired, or the account is locked' },
  { when: /^(1142|1143|1227|1370) /, kind: 'down', why: 'the user lacks the right, whatever the values are' },
  {
    when: /^(1290|1792|1836|3032|1047|1053|1077|1078|1079) /,
    kind: 'down',
    why: 'read-only, offline, not ready or stopping',
  },
  { when: /^(1114|1021|1037|1038|1041|1026|1598) /, kind: 'down', why: 'disk or memory is full' },
  { when: /^(1158|1159|1160|1161|1927|3169|4031) /, kind: 'down', why: 'the connection was cut off' },
  { when: /^(1146|1030|1194|1195|1412|3100) /, kind: 'unknown', why: 'a table is missing or broken; may be repaired' },
  { when: /^\d+ 40/, kind: 'unknown', why: 'rolled back' },
  { when: /^1153 /, kind: 'poison', why: 'over max_allowed_packet' },
  { when: /^\d+ (08|28)/, kind: 'down', why: 'connection or login' },
  { when: /^/, kind: 'poison', why: 'the statement with these values is refused' },
]

/** Codes of sockets, of TLS and of clients whose connection has ended or never came about. */
const CONNECTION_CODES =
  /^(E(?!RR_)[A-Z_0-9]+|ERR_(SSL|TLS|OSSL|STREAM|SOCKET|HTTP2)\w*|UNABLE_TO_\w+|SELF_SIGNED\w*|DEPTH_ZERO\w*|CERT_\w+|CRL_\w+|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PROTOCOL_\w+|HANDSHAKE_\w+|POOL_\w+|BINGO_TLS_FILE|UND_ERR_\w+|HPE_\w+|PLT_KFK_(NETWORK|TIMEOUT|RESPONSE|UNEXPECTED_CORRELATION_ID|AUTHENTICATION|UNSUPPORTED_API))$/
/** Codes of what a client, or Node.js, would not even send. */
const REFUSED_CODES =
  /^(ERR_(INVALID_(ARG|CHAR|URL)\w*|OUT_OF_RANGE|BUFFER_OUT_OF_BOUNDS|STRING_TOO_LONG|UNESCAPED_CHARACTERS|HTTP_INVALID_HEADER_VALUE|HTTP2_(INVALID_HEADER_VALUE|HEADER_SINGLE_VALUE|INVALID_CONNECTION_HEADERS|PSEUDOHEADER_NOT_ALLOWED))|UND_ERR_INVALID_ARG|PLT_KFK_(UNSUPPORTED_COMPRESSION|OUT_OF_BOUNDS))$/

/**
 * What it means that something was thrown on our side, no server having answered: a client that does not take the message
 * says nothing about the server, and neither does what is not known.
 */
export function classifyThrown(error: unknown): Kind {
  const code = codeOf(error)
  if (code !== undefined && REFUSED_CODES.test(code)) return 'poison'
  if (error instanceof DeadlineError || (code !== undefined && CONNECTION_CODES.test(code))) return 'down'
  return error instanceof TypeError || error instanceof RangeError ? 'poison' : 'unknown'
}

/** The row of a table that fits; tables end in a row that always does. */
export function classify(table: readonly Row[], text: string): Kind {
  return table.find((row) => row.when.test(text))?.kind ?? 'unknown'
}
