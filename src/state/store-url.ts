import { fileOfInstance, parseFileUrl } from '../clients/address/file-url.ts'
import type { FileUrl } from '../clients/address/file-url.ts'

/** A MySQL, MariaDB or PostgreSQL (clients/sql/address.ts reads the address). */
export interface SqlStoreUrl {
  readonly tag: 'sql'
  readonly url: string
}

/** What a setting such as `checkpoint.store` names. */
export type StoreUrl =
  | { readonly tag: 'memory' }
  /** `isFolder`: the state file in it is called after the instance. */
  | ({ readonly tag: 'file' } & FileUrl)
  /** Any Redis address (clients/redis-url.ts reads it). */
  | { readonly tag: 'redis'; readonly url: string }
  | SqlStoreUrl

/** Reads `memory:`, `file:/a/b`, `file:///a/b`, `file:a/b`, a Redis or a database address; null for anything else. */
export function parseStoreUrl(url: string): StoreUrl | null {
  if (url === 'memory:') return { tag: 'memory' }
  const file = parseFileUrl(url)
  if (file !== null) return { tag: 'file', ...file }
  if (/^(mysql|mariadb|postgres|postgresql):\/\//i.test(url)) return { tag: 'sql', url }
  return /^(rediss?(\+(sentinel|cluster))?|sentinel):\/\//i.test(url) ? { tag: 'redis', url } : null
}

/** Of an instance. */
export function stateFilePath(file: FileUrl, name: string): string {
  return fileOfInstance(file, name, 'checkpoint')
}
