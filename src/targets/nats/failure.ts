import type { DeliveryFailure } from '../../model/action.ts'
import { classify, NATS_ERRORS } from '../failure/classify.ts'
import { deliveryFailure, reasonOf } from '../failure/failure.ts'
import { tlsHint } from '../failure/tls-hint.ts'
import { ConnectError } from './connection.ts'

const HINTS: { readonly [word: string]: string } = {
  NoRespondersError: 'Create a stream that covers the subject, or set `jetstream: false`.',
  PermissionViolationError: 'Let the user publish to the subject.',
  '10054': 'Raise max_msg_size of the stream, or send less.',
  MAX_PAYLOAD: 'Raise max_payload of the server, or send less: a `body` with the fields that are needed.',
}

/** A publish was refused or not acknowledged in time, or there was no connection for it. */
export function natsFailure(address: string, subject: string, error: unknown): DeliveryFailure {
  if (error instanceof ConnectError) return connectFailure(address, error.cause)
  const word = natsCode(error)
  const kind = classify(NATS_ERRORS, word)
  return deliveryFailure(
    kind,
    kind === 'down' ? 'BINGO_NATS_UNREACHABLE' : 'BINGO_NATS_REFUSED',
    `NATS at ${address}, subject ${subject}: ${reasonOf(error)}`,
    { hint: HINTS[word], cause: error },
  )
}

function connectFailure(address: string, cause: unknown): DeliveryFailure {
  const login = cause instanceof Error && cause.name === 'AuthorizationError'
  return deliveryFailure(
    'down',
    'BINGO_NATS_UNREACHABLE',
    `NATS at ${address} cannot be reached: ${reasonOf(cause).trim()}`,
    { hint: login ? 'User, password, token or key is wrong, or missing.' : tlsHint(cause), cause },
  )
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
