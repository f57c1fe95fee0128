import type { ActionPlan, Payload } from '../../model/rule/rule.ts'
import { writeDuration } from '../../model/quantity.ts'
import type { EventActionOptions, EventPayload } from '../../targets/event/options.ts'
import type { GrpcActionOptions, GrpcPayload } from '../../targets/grpc/options.ts'
import type { KafkaPayload } from '../../targets/kafka/options.ts'
import type { NatsPayload } from '../../targets/nats/options.ts'
import type { RabbitmqActionOptions, RabbitmqPayload } from '../../targets/rabbitmq/options.ts'
import type { CommandPayload, RedisActionOptions, RemovePayload } from '../../targets/redis/options.ts'
import type { SqlActionOptions, SqlPayload } from '../../targets/sql/options.ts'
import type { WebhookActionOptions, WebhookPayload } from '../../targets/webhook/options.ts'

/** What an action sends as people see it: a request with method, address, headers and body, a command, a message. */
export type Shown = { readonly [field: string]: unknown }

const SHOW: { readonly [type: string]: (payload: never, options: never) => Shown } = {
  webhook: ({ url, headers, json, trace = [] }: WebhookPayload, { method }: WebhookActionOptions) => ({
    method,
    url: url.href,
    headers: Object.fromEntries(
      [...trace, ...headers].flatMap((name, i, all) =>
        i % 2 === 0 ? [[name.toLowerCase(), all[i + 1]] as const] : [],
      ),
    ),
    body: parsed(json),
  }),
  redis: (payload: CommandPayload | RemovePayload, { command }: RedisActionOptions) => {
    if (typeof payload === 'string') return { cmd: command, key: payload }
    if (!('args' in payload)) return { cmd: command, keys: payload }
    const [key, ...args] = payload.args.map(String)
    return { cmd: payload.remove === true ? 'DEL' : command, key, args }
  },
  kafka: ({ topic, key, headers, value }: KafkaPayload) => ({ topic, key, headers, value: parsed(value) }),
  nats: ({ subject, headers, body }: NatsPayload) => ({ subject, headers, body: parsed(body) }),
  rabbitmq: ({ routingKey, headers, body }: RabbitmqPayload, { exchange }: RabbitmqActionOptions) => ({
    exchange,
    routingKey,
    headers,
    body: parsed(body),
  }),
  grpc: ({ message, metadata }: GrpcPayload, { service, method }: GrpcActionOptions) => ({
    method: `${service}/${method}`,
    message,
    metadata,
  }),
  sql: (params: SqlPayload, { statement }: SqlActionOptions) => ({ statement, params }),
  log: (line: string) => ({ body: parsed(line) }),
  event: ({ event, deliverAt, append }: EventPayload, { deliverAfterMs }: EventActionOptions) => ({
    ...(append === undefined ? event : { ...append, ...storedFields(event) }),
    timestamp: new Date(event.timestamp).toISOString(),
    ...(deliverAt !== null && { deliverAt: new Date(deliverAt).toISOString() }),
    ...(deliverAt === null && deliverAfterMs > 0 && { deliverAfter: writeDuration(deliverAfterMs) }),
  }),
}

/** What an event of a stream has of the event that was made. */
function storedFields({ type, payload, source, userId, correlationId, causationId }: EventPayload['event']): Shown {
  return { type, payload, source, userId, correlationId, causationId }
}

export function shownPayload({ type, options }: Pick<ActionPlan, 'type' | 'options'>, payload: Payload): Shown {
  const show = Object.hasOwn(SHOW, type) ? SHOW[type] : undefined
  return show === undefined ? { payload } : show(payload as never, options as never)
}

/** JSON as what it holds; any other text, and what is no text, as it is. */
function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
