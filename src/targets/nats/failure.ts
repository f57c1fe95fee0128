import type { DeliveryFailure } from '../../model/rule/action.ts'
import { receiverAnswer } from '../../model/rule/outcome.ts'
import { classify, classifyThrown, NATS_ERRORS } from '../failure/classify.ts'
import { reasonOf, withoutValues } from '../failure/error-text.ts'
import { deliveryFailure } from '../failure/failure.ts'
import { tlsHint } from '../failure/tls-hint.ts'
import { ConnectError } from './connection.ts'

const HINTS: { readonly [word: string]: string } = {
  NoRespondersError: 'Create a stream that covers the subject, or set `jetstream: false`.',
  PermissionViolationError: 'Grant the user publish permission on the subject.',
  '10054': 'Raise max_msg_size of the stream, or send less.',
  MAX_PAYLOAD: 'Raise max_payload of the server, or send less: a `body` with only the fields you need.',
}

/** The subject as the rule has it, for messages, and as data made it, which stands in none. */
export interface SubjectName {
  readonly source: string
  readonly rendered: string
}

/** A publish was refused or not acknowledged in time, or there was no connection for it. */
export function natsFailure(address: string, subject: SubjectName, error: unknown): DeliveryFailure {
  if (error instanceof ConnectError) return connectFailure(address, error.cause)
  const word = natsCode(error)
  const kind = kindOf(word, error, subject)
  return deliveryFailure(
    kind,
    kind === 'down' ? 'BINGO_NATS_UNREACHABLE' : 'BINGO_NATS_REFUSED',
    `NATS at ${address}, subject ${subject.source}: ${withoutValues(reasonOf(error), subject.rendered)}`,
    {
      hint: HINTS[word],
      cause: error,
      answer: /^\d+$/.test(word) ? receiverAnswer(word, reasonOf(error)) : undefined,
    },
  )
}

function connectFailure(address: string, cause: unknown): DeliveryFailure {
  const login = cause instanceof Error && cause.name === 'AuthorizationError'
  return deliveryFailure(
    'down',
    'BINGO_NATS_UNREACHABLE',
    `NATS at ${address} is unreachable: ${reasonOf(cause).trim()}`,
    { hint: login ? 'Check user, password, token or key: it is wrong or missing.' : tlsHint(cause), cause },
  )
}

function kindOf(word: string, error: unknown, { source, rendered }: SubjectName): DeliveryFailure['kind'] {
  // A subject that data names may be the only one that is not granted.
  if (word === 'PermissionViolationError' && source !== rendered) return 'unknown'
  const kind = classify(NATS_ERRORS, /^\d+$/.test(word) ? `${word} ${reasonOf(error)}` : word)
  return kind === 'unknown' ? classifyThrownOr(kind, error) : kind
}

/** What the client has no name for may be an error of the socket, or of a message that it does not take. */
function classifyThrownOr(kind: DeliveryFailure['kind'], error: unknown): DeliveryFailure['kind'] {
  const thrown = classifyThrown(error)
  return thrown === 'unknown' ? kind : thrown
}

/** The stream's own error code where it answered, else the name of the client's error. */
function natsCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  // Without a stream for the subject nobody answers, which the client takes for JetStream being switched off.
  if (error.name === 'JetStreamNotEnabled') return 'NoRespondersError'
  if (error.name === 'JetStreamApiError' && 'code' in error) return String(error.code)
  // Wraps what came instead of an acknowledgement: a denied subject, above all.
  if (error.name === 'RequestError' && error.cause instanceof Error) return error.cause.name
  return /max.?payload/i.test(error.message) ? 'MAX_PAYLOAD' : error.name
}
