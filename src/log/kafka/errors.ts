import { BingoError } from '../../model/errors.ts'
import { engineUnreachable } from '../errors.ts'

const HINTS: { readonly [name: string]: string } = {
  NOT_ENOUGH_REPLICAS: 'Check min.insync.replicas and which brokers are down: too few replicas are in sync.',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    'Check min.insync.replicas and which brokers are down: too few replicas are in sync.',
  TOPIC_AUTHORIZATION_FAILED:
    'Grant the user Read, Write, Delete, Describe and DescribeConfigs on the topic of `events.store`.',
  CLUSTER_AUTHORIZATION_FAILED: 'Grant the user IdempotentWrite on the cluster.',
  SASL_AUTHENTICATION_FAILED: 'Check user, password and `?sasl=` of `events.store`.',
}
/** Causes inside lists of failed tries inside causes. */
const MAX_DEPTH = 12

/** What an error of the client means for who uses the log. */
export function kafkaError(log: string, error: unknown): BingoError {
  if (error instanceof BingoError) return error
  const name = protocolErrorOf(error)
  const hint = HINTS[name ?? ''] ?? 'Check that the Kafka brokers are up and reachable, and user, password and TLS.'
  return engineUnreachable(log, new Error(name ?? deepest(error), { cause: error }), hint)
}

/** Name of the protocol error somewhere inside what the client threw. */
export function protocolErrorOf(error: unknown, depth = MAX_DEPTH): string | undefined {
  if (typeof error !== 'object' || error === null || depth === 0) return undefined
  if ('apiId' in error && typeof error.apiId === 'string') return error.apiId
  if ('code' in error && error.code === 'PLT_KFK_AUTHENTICATION') return 'SASL_AUTHENTICATION_FAILED'
  for (const inner of inside(error)) {
    const found = protocolErrorOf(inner, depth - 1)
    if (found !== undefined) return found
  }
  return undefined
}

function deepest(error: unknown, depth = MAX_DEPTH): string {
  const inner = inside(error).at(-1)
  if (inner !== undefined && depth > 0) return deepest(inner, depth - 1)
  return error instanceof Error && error.message !== '' ? error.message : String(error)
}

function inside(error: unknown): readonly unknown[] {
  const inner: unknown[] = error instanceof AggregateError ? [...error.errors] : []
  if (error instanceof Error && error.cause !== undefined) inner.push(error.cause)
  return inner
}
