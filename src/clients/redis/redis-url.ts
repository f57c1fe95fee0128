import type { ConnectionOptions } from 'node:tls'
import { BingoError } from '../../model/errors.ts'
import { readSmallFile } from '../../model/small-file.ts'
import { urlFault } from '../../model/url-fault.ts'

export interface HostPort {
  readonly host: string
  readonly port: number
}

/** A Redis address taken apart. */
export interface RedisAddress {
  readonly mode: 'single' | 'sentinel' | 'cluster'
  readonly hosts: readonly HostPort[]
  /** Master group name; Sentinel only. */
  readonly group: string | undefined
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  /** Credentials of the Sentinels themselves, where they differ from those of Redis. */
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
  readonly tls: ConnectionOptions | undefined
  /** Printable: no credentials. */
  readonly printable: string
}

const MODES: { readonly [scheme: string]: { mode: RedisAddress['mode']; tls: boolean } } = {
  redis: { mode: 'single', tls: false },
  rediss: { mode: 'single', tls: true },
  sentinel: { mode: 'sentinel', tls: false },
  'redis+sentinel': { mode: 'sentinel', tls: false },
  'rediss+sentinel': { mode: 'sentinel', tls: true },
  'redis+cluster': { mode: 'cluster', tls: false },
  'rediss+cluster': { mode: 'cluster', tls: true },
}

const HINT =
  'Write redis://[user:password@]host[:6379][/db], rediss://… (TLS), sentinel://h1:26379,h2:26379/GROUP[/db], redis+cluster://h1:6379,h2:6379; options ?ca=FILE&cert=FILE&key=FILE&servername=NAME'

/**
 * Reads a Redis address. WHATWG URLs cannot hold several hosts, which Sentinel and Cluster need, so it is taken apart
 * here. Throws BINGO_REDIS_URL_INVALID, never quoting the URL, which may hold a password.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = /^([a-z+]+):\/\/(?:([^@]*)@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?$/i.exec(url.trim())
  const scheme = parts?.[1]?.toLowerCase() ?? ''
  const known = MODES[scheme]
  if (!parts || !known) throw invalid(parts ? `unknown scheme "${scheme}"` : urlFault(url))
  const mode = known.mode
  const hosts = parseHosts(parts[3] ?? '', mode === 'sentinel' ? 26379 : 6379)
  if (mode === 'single' && hosts.length > 1) throw invalid('several hosts require sentinel:// or redis+cluster://')
  const path = (parts[4] ?? '').split('/').filter((part) => part !== '')
  const group = mode === 'sentinel' ? decode(path.shift() ?? '') : undefined
  if (group === '') throw invalid('a Sentinel address must name the master group: sentinel://host:26379/GROUP')
  const query = new URLSearchParams(parts[5] ?? '')
  checkOptions(query, known)
  const [username, password] = credentials(parts[2])
  const db = parseDb(path, query)
  if (mode === 'cluster' && db !== 0) throw invalid('Redis Cluster has only database 0')
  return {
    mode,
    hosts,
    group,
    db,
    username,
    password: password ?? query.get('password') ?? undefined,
    sentinelUsername: query.get('sentinelUsername') ?? undefined,
    sentinelPassword: query.get('sentinelPassword') ?? undefined,
    tls: known.tls ? tlsOptions(query) : undefined,
    printable: `${scheme}://${hosts.map((h) => `${printHost(h.host)}:${h.port}`).join(',')}${group ? `/${group}` : ''}${db ? `/${db}` : ''}`,
  }
}

const TLS_OPTIONS = ['ca', 'cert', 'key', 'servername']
const OPTIONS: { readonly [mode in RedisAddress['mode']]: readonly string[] } = {
  single: ['db', 'password'],
  sentinel: ['db', 'password', 'sentinelUsername', 'sentinelPassword'],
  cluster: ['db', 'password'],
}

/** An option that nothing reads is an error: `?tls=true` that is ignored would be plaintext. */
function checkOptions(query: URLSearchParams, { mode, tls }: { mode: RedisAddress['mode']; tls: boolean }): void {
  const known = [...OPTIONS[mode], ...(tls ? TLS_OPTIONS : [])]
  for (const name of query.keys()) {
    if (known.includes(name)) continue
    if (TLS_OPTIONS.includes(name)) throw invalid(`?${name} is for TLS: write rediss:// instead of redis://`)
    if (/^(ssl|tls|use_?ssl)/i.test(name)) throw invalid(`?${name} is not an option: write rediss:// for TLS`)
    if (/^user(name)?$/i.test(name)) throw invalid(`?${name} is not an option: write user:password@ before the host`)
    const near = known.find((each) => each.toLowerCase() === name.toLowerCase())
    throw invalid(`unknown option ${JSON.stringify(name)}; ${near ? `write ${near}` : `known: ${known.join(', ')}`}`)
  }
}

function parseHosts(text: string, defaultPort: number): HostPort[] {
  // It would become a host otherwise, and hosts are printed.
  if (text.includes('@')) throw invalid('there is a second @: write an @ in user or password as %40')
  return text.split(',').map((part) => {
    const match = /^(\[[0-9a-f:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/i.exec(part.trim())
    const port = Number(match?.[2] ?? defaultPort)
    if (!match || port < 1 || port > 65535) throw invalid(urlFault(`any://${part.trim()}`))
    return { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port }
  })
}

function printHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function credentials(text: string | undefined): [string | undefined, string | undefined] {
  if (text === undefined || text === '') return [undefined, undefined]
  const colon = text.indexOf(':')
  if (colon < 0) return [decode(text), undefined]
  return [colon === 0 ? undefined : decode(text.slice(0, colon)), decode(text.slice(colon + 1))]
}

function parseDb(path: readonly string[], query: URLSearchParams): number {
  const text = path[0] ?? query.get('db') ?? '0'
  if (path.length > 1 || !/^\d{1,5}$/.test(text))
    throw invalid('the database must be a number, as in redis://host:6379/1')
  return Number(text)
}

/** Certificates are always verified (RELIABILITY 4.8); a private authority comes in by `ca`. */
function tlsOptions(query: URLSearchParams): ConnectionOptions {
  const file = (name: string): string | undefined => {
    const path = query.get(name)
    if (path === null) return undefined
    try {
      return readSmallFile(path)
    } catch (cause) {
      throw new BingoError('BINGO_REDIS_URL_INVALID', `Cannot read the Redis TLS file ${path} (${name})`, { cause })
    }
  }
  const ca = file('ca')
  const cert = file('cert')
  const key = file('key')
  const servername = query.get('servername')
  return {
    rejectUnauthorized: true,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(servername !== null && { servername }),
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('invalid escape in user or password: write % as %25')
  }
}

function invalid(why: string): BingoError {
  return new BingoError('BINGO_REDIS_URL_INVALID', `The Redis address is not valid: ${why}`, { hint: HINT })
}
