import { deepestMessageOf, protocolErrorOf } from '../../../clients/kafka/errors.ts'
import { BingoError } from '../../../model/errors.ts'
import { brokerRefused, connectionError } from '../errors.ts'

/** The login, and rights. */
const REFUSALS: { readonly [name: string]: string } = {
  TOPIC_AUTHORIZATION_FAILED: 'Grant the user Read and Describe on the topics of the source.',
  GROUP_AUTHORIZATION_FAILED: 'Grant the user Read on the consumer group of the source.',
  CLUSTER_AUTHORIZATION_FAILED: 'Grant the user Describe on the cluster.',
  SASL_AUTHENTICATION_FAILED: 'Check user, password and `?sasl=` in the url of the source.',
}

const HINTS: { readonly [name: string]: string } = {
  INCONSISTENT_GROUP_PROTOCOL:
    'Another program uses the same group in another way: give the source a `group` of its own.',
  UNKNOWN_TOPIC_OR_PARTITION: 'Create the topic, or correct its name in the source.',
}

/** What an error of the client means for whoever reads. */
export function kafkaReadError(description: string, error: unknown): BingoError {
  if (error instanceof BingoError) return error
  const name = protocolErrorOf(error)
  const refusal = REFUSALS[name ?? '']
  if (refusal !== undefined) return brokerRefused(description, name!, refusal, error)
  return connectionError(description, name ?? deepestMessageOf(error), error, HINTS[name ?? ''])
}
