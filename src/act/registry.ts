import type { ActionType } from '../core/action.ts'
import { log } from './actions/log.ts'
import { redis } from './actions/redis.ts'
import { webhook } from './actions/webhook.ts'

const TYPES: ReadonlyMap<string, ActionType> = new Map([redis, webhook, log].map((type) => [type.type, type]))

/** Every action type by the name that rules use. A type's client library is loaded when its first target is opened. */
export function actionTypes(): ReadonlyMap<string, ActionType> {
  return TYPES
}
