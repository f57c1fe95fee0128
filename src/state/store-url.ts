import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** What a setting such as `checkpoint.store` names. */
export type StoreUrl =
  | { readonly tag: 'memory' }
  /** `isFolder`: the state file in it is called after the instance. */
  | { readonly tag: 'file'; readonly path: string; readonly isFolder: boolean }
  /** Any Redis address (clients/redis-url.ts reads it). */
  | { readonly tag: 'redis'; readonly url: string }

/** Reads `memory:`, `file:/a/b`, `file:///a/b`, `file:a/b` or a Redis address; null for anything else. */
export function parseStoreUrl(url: string): StoreUrl | null {
  if (url === 'memory:') return { tag: 'memory' }
  if (url.startsWith('file:')) return parseFile(url.slice('file:'.length))
  return /^(rediss?(\+(sentinel|cluster))?|sentinel):\/\//i.test(url) ? { tag: 'redis', url } : null
}

/** A host makes no sense here. */
function parseFile(rest: string): StoreUrl | null {
  const path = rest.startsWith('//') ? rest.slice(2) : rest
  if (path === '' || path.startsWith('//') || (rest.startsWith('//') && !path.startsWith('/'))) return null
  let decoded: string
  try {
    decoded = decodeURI(path)
  } catch {
    return null
  }
  const absolute = resolve(decoded)
  const isFolder = decoded.endsWith('/') || statSync(absolute, { throwIfNoEntry: false })?.isDirectory() === true
  return { tag: 'file', path: absolute, isFolder }
}

/** The state file of an instance: the path itself, or a file in it that is called after the instance. */
export function stateFilePath({ path, isFolder }: { path: string; isFolder: boolean }, name: string): string {
  return isFolder ? join(path, `${name.replaceAll(/[^\w.-]/g, '_')}.checkpoint`) : path
}
