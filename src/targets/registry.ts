import type { ActionType } from '../model/rule/action.ts'
import { event } from './event/action.ts'
import { grpc } from './grpc/action.ts'
import { kafka } from './kafka/action.ts'
import { log } from './log/action.ts'
import { nats } from './nats/action.ts'
import { outbox } from './outbox/action.ts'
import { rabbitmq } from './rabbitmq/action.ts'
import { redis } from './redis/action.ts'
import { saga } from './saga/action.ts'
import { sql } from './sql/action.ts'
import { webhook } from './webhook/action.ts'

const TYPES: ReadonlyMap<string, ActionType> = new Map(
  [redis, webhook, kafka, rabbitmq, nats, grpc, sql, log, event].map((type) => [type.type, type]),
)

/** Every action type by the name that rules use. A type's client library is loaded when its first target is opened. */
export function actionTypes(): ReadonlyMap<string, ActionType> {
  return TYPES
}

const OWN: ReadonlyMap<string, ActionType> = new Map([outbox, saga].map((type) => [type.type, type]))

/** The type by which a target is opened: those that rules can name, and BinGo's own. */
export function targetTypeOf(type: string, types: ReadonlyMap<string, ActionType> = TYPES): ActionType | undefined {
  return OWN.get(type) ?? types.get(type)
}
