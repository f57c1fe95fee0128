import type { ReturnedMessage } from 'rabbitmq-client'
import type { DeliveryFailure } from '../../model/rule/action.ts'
import { receiverAnswer } from '../../model/rule/outcome.ts'
import { AMQP_ERRORS, classify, classifyThrown } from '../failure/classify.ts'
import { codeOf, reasonOf, withoutValues } from '../failure/error-text.ts'
import { deliveryFailure } from '../failure/failure.ts'
import { tlsHint } from '../failure/tls-hint.ts'
import { BrokerBlockedError, ConnectError } from './connection.ts'

const HINTS: { readonly [code: string]: string } = {
  '312': 'Bind a queue to the exchange for this routing key.',
  NOT_FOUND: 'Declare the exchange, or fix its name in the rule.',
  ACCESS_REFUSED: 'Grant the user write permission on the exchange.',
  PRECONDITION_FAILED: 'Raise max_message_size of the broker, or send less: a `body` with only the fields you need.',
  CODEC: 'Move data from the headers to the body: headers and properties have at most 8 kB.',
  NACK: 'Check the broker’s log: the queue is full (overflow: reject-publish) or cannot store the message.',
}

const LOGIN_HINTS: { readonly [code: string]: string } = {
  ACCESS_REFUSED: 'Check user and password in the address.',
  NOT_ALLOWED: 'Create the virtual host, or grant the user access to it.',
}

/** A publish was refused, cut off or not confirmed in time, or there was no connection for it. */
export function publishFailure(address: string, exchange: string, error: unknown): DeliveryFailure {
  if (!(error instanceof ConnectError)) {
    return failure(address, exchange, codeOf(error) ?? '', withCode(error), error, reasonOf(error).trim())
  }
  // Nothing can be sent, whichever message it is: what the words would mean for a message does not count.
  const { cause } = error
  return deliveryFailure(
    'down',
    'BINGO_RABBITMQ_UNREACHABLE',
    `RabbitMQ at ${address} is unreachable: ${withCode(cause)}`,
    { hint: tlsHint(cause) ?? LOGIN_HINTS[codeOf(cause) ?? ''], cause },
  )
}

/** No queue took the message. */
export function returnedFailure(address: string, exchange: string, reply: ReturnedMessage): DeliveryFailure {
  return failure(
    address,
    exchange,
    String(reply.replyCode),
    `returned the message: ${reply.replyText}`,
    undefined,
    reply.replyText,
  )
}

function failure(
  address: string,
  exchange: string,
  word: string,
  why: string,
  error: unknown,
  said: string,
): DeliveryFailure {
  const kind = kindOf(word, error)
  return deliveryFailure(
    kind,
    kind === 'down' ? 'BINGO_RABBITMQ_UNREACHABLE' : 'BINGO_RABBITMQ_REFUSED',
    `RabbitMQ at ${address}, exchange "${exchange}": ${why}`,
    {
      hint: error instanceof BrokerBlockedError ? 'Free memory or disk on the broker; the events wait.' : HINTS[word],
      cause: error,
      answer: ANSWERS.test(word) ? receiverAnswer(word, said) : undefined,
    },
  )
}

function kindOf(word: string, error: unknown): DeliveryFailure['kind'] {
  if (error instanceof BrokerBlockedError) return 'down'
  const kind = classify(AMQP_ERRORS, word)
  return kind === 'unknown' && error !== undefined && !ANSWERS.test(word) ? classifyThrown(error) : kind
}

/** Reply codes that the table has as unknown: the broker has answered. */
const ANSWERS = /^(\d+|NO_ROUTE|NOT_FOUND|NACK|[A-Z]+_ERROR|UNEXPECTED_FRAME|COMMAND_INVALID)$/

function withCode(error: unknown): string {
  const code = codeOf(error)
  // The client begins with the method that was refused, and has no name for the handshake; OpenSSL ends with a line break.
  const reason = withoutTopic(
    reasonOf(error)
      .replace(/^undefined: /, '')
      .trim(),
  )
  return code === undefined || reason.includes(code) ? reason : `${code}: ${reason}`
}

/** Brokers that check topic permissions name the routing key, which may hold row values; the exchange stands in the rule. */
function withoutTopic(text: string): string {
  return text.replaceAll(/topic '[^']*'/g, (quoted) => withoutValues(quoted))
}
