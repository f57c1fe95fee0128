import {
  changeLogAddress,
  cidrList,
  hostList,
  listenAddress,
  mysqlUrl,
  pemFile,
  redisAddress,
  sagaStoreAddress,
  startPoint,
  storeAddress,
} from './addresses.ts'
import { DELIVERY_BOUNDS } from '../../rules/read/delivery-options.ts'
import type { JsonSchema } from '../../rules/schema/json-schema.ts'
import type { DurationBounds } from '../../rules/read/read-values.ts'
import { environmentList, eventIndexAddress, eventStoreAddress, streamStoreAddress, tokenList } from './event-values.ts'
import { tablePatternList } from './table-patterns.ts'
import { TLS_MODES } from '../../sources/mysql/source-address.ts'
import { bytes, choice, duration, flag, integer, orUnlimited, text, textLike, textList, type Parse } from './values.ts'

/** The same bounds as where rules and actions say it. */
const durationWithin = ({ least, most }: DurationBounds): Parse<number> => duration(least, most)

const SECOND = 1_000
const HOUR = 3_600_000
const DAY = 24 * HOUR

/**
 * Every value that can be set, by its path, with the parser that reads it. `targets` is a map of its own and is read
 * apart (file.ts).
 */
export const SETTINGS = {
  name: textLike(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'Write at most 64 letters, digits, ".", "_" and "-".'),
  'source.url': mysqlUrl,
  'source.host': text,
  'source.hosts': hostList,
  'source.socket': text,
  'source.port': integer(1, 65_535),
  'source.user': text,
  'source.password': text,
  'source.tls': choice(...TLS_MODES),
  'source.tlsCa': pemFile,
  'source.tlsCert': pemFile,
  'source.tlsKey': pemFile,
  'source.start': startPoint,
  'source.serverId': integer(1, 2 ** 32 - 1),
  'source.heartbeat': duration(100, HOUR),
  'source.connectTimeout': duration(100, HOUR),
  'source.queryTimeout': duration(100, HOUR),
  'source.reconnect.min': duration(1, HOUR),
  'source.reconnect.max': duration(1, HOUR),
  'source.onGap': choice('stop', 'earliest', 'latest'),
  'source.ignoreStatementsOn': tablePatternList,
  'checkpoint.store': storeAddress,
  'checkpoint.interval': duration(1, 60 * SECOND),
  'standby.lease': choice('off', 'store', 'redis', 'mysql'),
  'standby.ttl': duration(2 * SECOND, HOUR),
  'redis.url': redisAddress,
  rules: textList,
  watchRules: flag,
  lanes: integer(1, 1_024),
  budget: bytes,
  targetBudget: bytes,
  'delivery.timeout': durationWithin(DELIVERY_BOUNDS.timeout),
  'delivery.onFailure': choice('block', 'park', 'skip'),
  'delivery.retry.attempts': orUnlimited(integer(1, 1_000_000)),
  'delivery.retry.maxAge': orUnlimited(durationWithin(DELIVERY_BOUNDS.maxAge)),
  'delivery.retry.min': durationWithin(DELIVERY_BOUNDS.min),
  'delivery.retry.max': durationWithin(DELIVERY_BOUNDS.max),
  'deadLetters.store': storeAddress,
  'deadLetters.maxCount': integer(1, 1_000_000_000),
  'deadLetters.maxBytes': bytes,
  'deadLetters.maxAge': orUnlimited(duration(1, 3_650 * DAY)),
  'spool.after': duration(0, DAY),
  'spool.maxBytes': bytes,
  'breaker.events': orUnlimited(integer(1, 1_000_000)),
  'webhooks.allowCidrs': cidrList,
  'shutdown.deadline': duration(0, HOUR),
  'http.listen': listenAddress,
  'http.token': text,
  'http.tokens': tokenList,
  'events.store': eventStoreAddress,
  'events.index': eventIndexAddress,
  'events.environments': environmentList,
  'events.testEnvironments': environmentList,
  'events.retention': duration(7 * DAY, 3_650 * DAY),
  'events.limits.event': bytes,
  'events.limits.request': bytes,
  'events.limits.depth': integer(1, 900),
  'events.limits.batch': integer(1, 1_000_000),
  'events.limits.rate': integer(1, 1_000_000),
  'events.limits.hops': integer(1, 1_000),
  'eventStore.url': streamStoreAddress,
  'eventStore.follow': choice('off', 'earliest', 'latest'),
  'eventStore.read': choice('sql', 'binlog'),
  'scale.through': changeLogAddress,
  'scale.role': choice('all', 'reader', 'worker'),
  'scale.shares': integer(1, 256),
  'sagas.store': sagaStoreAddress,
  'sagas.keep': duration(60 * SECOND, 3_650 * DAY),
  'log.level': choice('debug', 'info', 'warn', 'error'),
  'log.rowValues': flag,
  'log.deliveries': flag,
} satisfies { readonly [path: string]: Parse<unknown> }

export type SettingPath = keyof typeof SETTINGS
export type SettingValues = { readonly [P in SettingPath]: ReturnType<(typeof SETTINGS)[P]> | undefined }

export const SETTING_PATHS = Object.keys(SETTINGS) as readonly SettingPath[]

/** What an editor may know of a setting. */
export function settingSchema(path: SettingPath): JsonSchema {
  return SETTINGS[path].schema
}

/** Settings whose written text may hold a password or key: never quoted in messages. */
const SECRET: ReadonlySet<string> = new Set<SettingPath>([
  'source.url',
  'source.password',
  'source.tlsKey',
  'checkpoint.store',
  'redis.url',
  'deadLetters.store',
  'http.token',
  'http.tokens',
  'events.store',
  'events.index',
  'eventStore.url',
  'scale.through',
  'sagas.store',
])

/** Whether a number that stands there counts as it is written. */
export function readsText(path: SettingPath): boolean {
  return SETTINGS[path].readsText
}

export function isSecret(path: string): boolean {
  return SECRET.has(path)
}

/** Settings that are URLs with user information: a secret put into that part is %-encoded. */
const URLS: ReadonlySet<string> = new Set<SettingPath>([
  'source.url',
  'checkpoint.store',
  'redis.url',
  'deadLetters.store',
  'events.store',
  'events.index',
  'eventStore.url',
  'scale.through',
  'sagas.store',
])

export function isUrl(path: string): boolean {
  return URLS.has(path)
}

/** `source.tlsCa` is BINGO_SOURCE_TLS_CA. */
export function environmentName(path: string): string {
  return `BINGO_${path
    .replaceAll('.', '_')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`
}
