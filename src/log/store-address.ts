import { parseFileUrl } from '../clients/file-url.ts'
import { parseSqlAddress, type SqlAddress } from './sql/address.ts'
import { StoreAddressError } from './store-address-error.ts'

/** Where posted events are kept. */
export type StoreAddress =
  | { readonly tag: 'memory' }
  /** In a folder the file is called after the instance. */
  | { readonly tag: 'file'; readonly path: string; readonly isFolder: boolean }
  | { readonly tag: 'server'; readonly server: SqlAddress }

const HINT =
  'Write file:/var/lib/bingo/events, mysql://user:password@host:3306/database, mariadb://…, postgres://… or memory:'
/** Known to be meant, by scheme. */
const MEANT: readonly (readonly [RegExp, string])[] = [
  [/^(rediss?|sentinel|valkeys?)(\+\w+)?:/i, 'Redis is not available yet as a store of events'],
  [/^(nats|tls|wss?):/i, 'NATS is not available yet as a store of events'],
  [/^kafka:/i, 'Kafka is not available yet as a store of events'],
  [/^sqlite3?:/i, 'the scheme of an SQLite file is file:'],
  [/^mem(ory)?:/i, 'write memory: without anything behind it'],
  [/^file:/i, 'the path is missing, has a host or an invalid escape'],
  [/^(pg|pgsql|postgre|cockroachdb):/i, 'the scheme of PostgreSQL is postgres://'],
  [/^https?:/i, 'this is the address of a web server'],
]

/**
 * Reads `memory:`, `file:PATH`, `mysql://`, `mariadb://` or `postgres://`. Throws StoreAddressError, or a BingoError of the same
 * code for a TLS file that cannot be read.
 */
export function parseStoreAddress(url: string): StoreAddress {
  if (url === 'memory:') return { tag: 'memory' }
  const file = parseFileUrl(url)
  if (file !== null) return { tag: 'file', path: file.path, isFolder: file.isFolder }
  if (/^(mysql|mariadb|postgres|postgresql):\/\//i.test(url)) return { tag: 'server', server: parseSqlAddress(url) }
  throw new StoreAddressError(MEANT.find(([scheme]) => scheme.test(url))?.[1] ?? 'its scheme is not known', HINT)
}
