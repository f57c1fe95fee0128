import type { ActionType } from '../core/action.ts'
import { grpc } from './actions/grpc.ts'
import { kafka } from './actions/kafka.ts'
import { log } from './actions/log.ts'
import { nats } from './actions/nats.ts'
import { rabbitmq } from './actions/rabbitmq.ts'
import { redis } from './actions/redis.ts'
import { sql } from './actions/sql.ts'
import { webhook } from './actions/webhook.ts'

const TYPES: ReadonlyMap<string, ActionType> = new Map(
  [redis, webhook, kafka, rabbitmq, nats, grpc, sql, log].map((type) => [type.type, type]),
)

/** Every action type by the name that rules use. A type's client library is loaded when its first target is opened. */
export function actionTypes(): ReadonlyMap<string, ActionType> {
  return TYPES
}
