import type { OnFailure, RetryOptions } from '../../model/rule/rule.ts'
import { RULE_CODES } from '../codes.ts'
import type { DurationBounds, ValueReader } from './read-values.ts'
import { entryOf } from '../yaml/tree.ts'
import type { MapNode, TreeNode } from '../yaml/tree.ts'

/** How an action is delivered. May stand on the rule, the target or the action; the nearest wins, key by key. */
export interface DeliveryOptions {
  readonly timeoutMs: number
  readonly retry: RetryOptions
  readonly onFailure: OnFailure
  /** null = no limit. */
  readonly ratePerSecond: number | null
}

export const DEFAULT_DELIVERY: DeliveryOptions = {
  timeoutMs: 10_000,
  retry: { attempts: Infinity, maxAgeMs: Infinity, minMs: 100, maxMs: 30_000 },
  onFailure: 'park',
  ratePerSecond: null,
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** What the configuration, rules, targets and actions may say alike. */
export const DELIVERY_BOUNDS = {
  timeout: { least: 1, most: HOUR },
  maxAge: { least: 1, most: 3_650 * DAY },
  min: { least: 1, most: HOUR },
  max: { least: 1, most: DAY },
} satisfies { readonly [key: string]: DurationBounds }

/** Keys that stand for delivery options wherever these may stand. */
export const DELIVERY_KEYS = ['timeout', 'retry', 'onFailure', 'rate'] as const

const ON_FAILURE: readonly OnFailure[] = ['block', 'park', 'skip']
const RETRY_KEYS = ['attempts', 'maxAge', 'min', 'max']

/** The options that a map states, on top of those that hold without it. */
export function readDelivery(map: MapNode, base: DeliveryOptions, reader: ValueReader): DeliveryOptions {
  const read = <T>(key: string, parse: (node: TreeNode) => T | undefined): T | undefined => {
    const entry = entryOf(map, key)
    return entry && parse(entry.value)
  }
  return {
    timeoutMs: read('timeout', (node) => reader.duration(node, 'timeout', DELIVERY_BOUNDS.timeout)) ?? base.timeoutMs,
    retry: read('retry', (node) => readRetry(node, base.retry, reader)) ?? base.retry,
    onFailure: read('onFailure', (node) => reader.oneOf(node, 'onFailure', ON_FAILURE)) ?? base.onFailure,
    ratePerSecond: read('rate', (node) => reader.rate(node, 'rate')) ?? base.ratePerSecond,
  }
}

function readRetry(node: TreeNode, base: RetryOptions, reader: ValueReader): RetryOptions | undefined {
  const map = reader.map(node, 'retry', 'write for example retry: {attempts: 5, max: 1m}')
  if (map === undefined) return undefined
  reader.knownKeys(map, 'retry', RETRY_KEYS)
  const value = <T>(key: string, parse: (node: TreeNode, name: string) => T | undefined): T | undefined => {
    const entry = entryOf(map, key)
    return entry && parse(entry.value, `retry.${key}`)
  }
  const retry: RetryOptions = {
    attempts: value('attempts', (each, name) => reader.integer(each, name, 1)) ?? base.attempts,
    maxAgeMs: value('maxAge', (each, name) => reader.duration(each, name, DELIVERY_BOUNDS.maxAge)) ?? base.maxAgeMs,
    minMs: value('min', (each, name) => reader.duration(each, name, DELIVERY_BOUNDS.min)) ?? base.minMs,
    maxMs: value('max', (each, name) => reader.duration(each, name, DELIVERY_BOUNDS.max)) ?? base.maxMs,
  }
  if (retry.minMs <= retry.maxMs) return retry
  // Only one of the two is written: the other follows.
  if (entryOf(map, 'min') && !entryOf(map, 'max')) return { ...retry, maxMs: retry.minMs }
  if (entryOf(map, 'max') && !entryOf(map, 'min')) return { ...retry, minMs: retry.maxMs }
  return reader.fail(node, RULE_CODES.value, 'retry.min exceeds retry.max')
}
