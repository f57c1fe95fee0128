import type { DeliveryFailure } from '../../model/rule/action.ts'
import { classify, classifyThrown, KAFKA_ERRORS } from '../failure/classify.ts'
import { codeOf, withoutValues } from '../failure/error-text.ts'
import { deliveryFailure } from '../failure/failure.ts'
import { tlsHint } from '../failure/tls-hint.ts'

const HINTS: { readonly [name: string]: string } = {
  MESSAGE_TOO_LARGE: 'Raise max.message.bytes of the topic, or send less: a `value` with only the fields you need.',
  UNKNOWN_TOPIC_OR_PARTITION: 'Create the topic, or set `createTopics: true` if the broker may create it.',
  TOPIC_AUTHORIZATION_FAILED: 'Grant the user Write and Describe on the topic.',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    'Grant the user Write and Describe on transactional ids that begin with bingo/.',
  CLUSTER_AUTHORIZATION_FAILED: 'Grant the user IdempotentWrite on the cluster.',
  INVALID_TOPIC_EXCEPTION: 'Use at most 249 letters, digits, `.`, `_` and `-` in the topic.',
  NOT_ENOUGH_REPLICAS: 'Check min.insync.replicas and which brokers are down: too few replicas are in sync.',
  SASL_AUTHENTICATION_FAILED: 'Check user, password and mechanism in `sasl`.',
}

/** Causes inside lists of failed tries inside causes. */
const MAX_DEPTH = 12

/** The rule's text for the topic stands in messages, and where data names the topic, not the name that they gave. */
export interface TopicName {
  readonly source: string
  readonly rendered: string
}

/** What the client threw, told by the protocol error or the socket error that it wraps several times over. */
export function kafkaFailure(error: unknown, topic: TopicName): DeliveryFailure {
  const name = protocolErrorOf(error)
  const dynamic = topic.source !== topic.rendered
  if (name === undefined) {
    const kind = kindOfThrown(error)
    const why = withoutValues(rootMessage(error), dynamic ? topic.rendered : undefined)
    const [code, what] =
      kind === 'down'
        ? ['BINGO_KAFKA_UNREACHABLE', 'Kafka is unreachable']
        : ['BINGO_KAFKA_REFUSED', 'not sent to Kafka']
    return deliveryFailure(kind, code, `${what}: ${why}`, { hint: tlsHint(error), cause: error })
  }
  // A topic that data names may be the only one that is not granted.
  const refused = dynamic && name === 'TOPIC_AUTHORIZATION_FAILED'
  const where = name === 'SASL_AUTHENTICATION_FAILED' ? '' : ` for topic ${topic.source}`
  const kind = refused ? 'unknown' : classify(KAFKA_ERRORS, name)
  return deliveryFailure(kind, 'BINGO_KAFKA_REFUSED', `Kafka answered ${name}${where}`, {
    hint: HINTS[name] ?? (name.startsWith('NOT_ENOUGH_REPLICAS') ? HINTS['NOT_ENOUGH_REPLICAS'] : undefined),
    cause: error,
  })
}

/** Whether the broker has no such topic, and did not make it. */
export function isMissingTopic({ error }: DeliveryFailure): boolean {
  return protocolErrorOf(error.cause) === 'UNKNOWN_TOPIC_OR_PARTITION'
}

/** Why a topic could not be created; null when somebody else has done so in between. */
export function topicFailure(error: unknown, topic: TopicName): DeliveryFailure | null {
  const name = protocolErrorOf(error)
  if (name === 'TOPIC_ALREADY_EXISTS') return null
  const failure = kafkaFailure(error, topic)
  if (failure.kind === 'down') return failure
  const why = name ?? failure.error.message
  return deliveryFailure('unknown', 'BINGO_KAFKA_REFUSED', `topic ${topic.source} cannot be created: ${why}`, {
    hint: 'Create the topic, or grant the user Create on the cluster.',
    cause: error,
  })
}

/**
 * By what says most of everything inside. A broken connection comes first: the client calls it its user's error that a
 * broker wants TLS, which is the state of the target.
 */
function kindOfThrown(error: unknown): DeliveryFailure['kind'] {
  const kinds = kindsInside(error, MAX_DEPTH)
  if (kinds.includes('down')) return 'down'
  return kinds.includes('poison') ? 'poison' : 'unknown'
}

function kindsInside(error: unknown, depth: number): readonly DeliveryFailure['kind'][] {
  const inner = depth === 0 ? [] : innerErrors(error).flatMap((each) => kindsInside(each, depth - 1))
  return [kindOfOne(error), ...inner]
}

/** A user's error is a record that the client does not take, or settings by which nobody is let in. */
function kindOfOne(error: unknown): DeliveryFailure['kind'] {
  if (!(error instanceof Error) || codeOf(error) !== 'PLT_KFK_USER') return classifyThrown(error)
  return /\b(TLS|SASL)\b/.test(error.message) ? 'down' : 'poison'
}

/** Name of the protocol error somewhere inside what the client threw. */
function protocolErrorOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('apiId' in error && typeof error.apiId === 'string') return error.apiId
  if (codeOf(error) === 'PLT_KFK_AUTHENTICATION') return 'SASL_AUTHENTICATION_FAILED'
  // The client translates this one, and keeps nothing of what the broker said.
  if (error instanceof Error && error.message.startsWith('Unknown topic ')) return 'UNKNOWN_TOPIC_OR_PARTITION'
  for (const candidate of innerErrors(error)) {
    const found = protocolErrorOf(candidate)
    if (found !== undefined) return found
  }
  return undefined
}

/** What the last try failed of, at the bottom: "N tries failed" helps nobody. */
function rootMessage(error: unknown, depth = MAX_DEPTH): string {
  const inner = innerErrors(error).at(-1)
  if (inner !== undefined && depth > 0) return rootMessage(inner, depth - 1)
  if (!(error instanceof Error)) return String(error)
  const text = error.message.trim() || error.name
  const code = codeOf(error)
  return code === undefined || code.startsWith('PLT_KFK_') || text.includes(code) ? text : `${code}: ${text}`
}

function innerErrors(error: unknown): readonly unknown[] {
  const inner: unknown[] = error instanceof AggregateError ? [...error.errors] : []
  if (error instanceof Error && error.cause !== undefined) inner.push(error.cause)
  return inner
}
