import { deepestMessageOf, protocolErrorOf } from '../../clients/kafka/errors.ts'
import { BingoError } from '../../model/errors.ts'
import { engineRefused, engineUnreachable } from '../errors.ts'

const REFUSALS: { readonly [name: string]: string } = {
  TOPIC_AUTHORIZATION_FAILED:
    'Grant the user Read, Write, Delete, Describe and DescribeConfigs on the topic of `events.store`.',
  CLUSTER_AUTHORIZATION_FAILED: 'Grant the user IdempotentWrite on the cluster.',
  SASL_AUTHENTICATION_FAILED: 'Check user, password and `?sasl=` of `events.store`.',
}

const HINTS: { readonly [name: string]: string } = {
  NOT_ENOUGH_REPLICAS: 'Check min.insync.replicas and which brokers are down: too few replicas are in sync.',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    'Check min.insync.replicas and which brokers are down: too few replicas are in sync.',
}

/** What an error of the client means for who uses the log. */
export function kafkaError(log: string, error: unknown): BingoError {
  if (error instanceof BingoError) return error
  const name = protocolErrorOf(error)
  const refusal = REFUSALS[name ?? '']
  if (refusal !== undefined) return engineRefused(log, name!, refusal, error)
  const hint =
    HINTS[name ?? ''] ??
    'Check that the Kafka brokers are up and reachable, and user, password and TLS, with a client certificate where they ask for one.'
  return engineUnreachable(log, new Error(name ?? deepestMessageOf(error), { cause: error }), hint)
}
