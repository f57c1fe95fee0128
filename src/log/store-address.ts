import { fileOfInstance, parseFileUrl } from '../clients/address/file-url.ts'
import type { FileUrl } from '../clients/address/file-url.ts'
import { AddressError } from '../clients/address/error.ts'
import { parseSqlAddress, type SqlAddress } from '../clients/sql/address.ts'
import { BingoError } from '../model/errors.ts'
import { parseKafkaAddress, type KafkaAddress } from './kafka/address.ts'
import { parseNatsAddress, type NatsAddress } from './nats/address.ts'
import { parseEventRedisAddress, type EventRedisAddress } from './redis/address.ts'
import { StoreAddressError } from './store-address-error.ts'

/** Where posted events are kept. */
export type StoreAddress =
  | { readonly tag: 'memory' }
  /** In a folder the file is called after the instance. */
  | ({ readonly tag: 'file' } & FileUrl)
  | { readonly tag: 'server'; readonly server: SqlAddress }
  | { readonly tag: 'redis'; readonly redis: EventRedisAddress }
  | { readonly tag: 'nats'; readonly stream: NatsAddress }
  | { readonly tag: 'kafka'; readonly topic: KafkaAddress }

const HINT =
  'Write file:/var/lib/bingo/events, mysql://user:password@host:3306/database, mariadb://…, postgres://…, redis://host:6379/0, nats://host:4222/stream, kafka://host:9092/topic or memory:'
/** Known to be meant, by scheme. */
const MEANT: readonly (readonly [RegExp, string])[] = [
  [/^(valkeys?|keydb|dragonfly)(\+\w+)?:/i, 'write redis:// for servers that are compatible with it'],
  [/^wss?:/i, 'NATS is reached by nats:// or tls://, not by WebSocket'],
  [/^(nats|tls):/i, 'the scheme of NATS is nats://, that of NATS with TLS tls://'],
  [/^kafkas?(\+\w+)?:/i, 'the scheme of Kafka is kafka://, with ?tls=verify-full for TLS'],
  [/^sqlite3?:/i, 'the scheme of an SQLite file is file:'],
  [/^mem(ory)?:/i, 'write memory: without anything behind it'],
  [/^file:/i, 'the path is missing, has a host or an invalid escape'],
  [/^(pg|pgsql|postgre|cockroachdb):/i, 'the scheme of PostgreSQL is postgres://'],
  [/^https?:/i, 'this is the address of a web server'],
]

/** Whether `events.index` has to stand beside what a valid address names. */
export function needsIndex(url: string): boolean {
  const { tag } = parseStoreAddress(url)
  return tag === 'nats' || tag === 'kafka'
}

/**
 * Reads `memory:`, `file:PATH`, `mysql://`, `mariadb://`, `postgres://`, `nats://`, `kafka://` or a Redis address. Throws
 * StoreAddressError, or a BingoError of the same
 * code for a TLS file that cannot be read.
 */
export function parseStoreAddress(url: string): StoreAddress {
  if (url === 'memory:') return { tag: 'memory' }
  const file = parseFileUrl(url)
  if (file !== null) return { tag: 'file', ...file }
  if (/^(mysql|mariadb|postgres|postgresql):\/\//i.test(url)) {
    return { tag: 'server', server: ofSetting(() => parseSqlAddress(url)) }
  }
  if (/^(rediss?(\+\w+)?|sentinel):/i.test(url)) return { tag: 'redis', redis: parseEventRedisAddress(url) }
  if (/^(nats|tls):\/\//i.test(url)) return { tag: 'nats', stream: ofSetting(() => parseNatsAddress(url)) }
  if (/^kafka:\/\//i.test(url)) return { tag: 'kafka', topic: ofSetting(() => parseKafkaAddress(url)) }
  throw new StoreAddressError(MEANT.find(([scheme]) => scheme.test(url))?.[1] ?? 'its scheme is not known', HINT)
}

/** Of an instance. */
export function eventsFilePath(file: FileUrl, name: string): string {
  return fileOfInstance(file, name, 'events')
}

/** With the name of the setting in what is thrown. */
function ofSetting<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    const { message, hint, isFile, cause } = error
    if (!isFile) throw new StoreAddressError(message, hint)
    throw new BingoError('BINGO_EVENTS_STORE_INVALID', `events.store: ${message}`, { hint, cause })
  }
}
