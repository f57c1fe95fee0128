import { parseRedisUrl, type RedisAddress } from '../../clients/redis/redis-url.ts'
import { BingoError } from '../../model/errors.ts'
import { StoreAddressError } from '../store-address-error.ts'

/** Where a Redis is that keeps events, and what is asked of it. */
export interface EventRedisAddress {
  readonly redis: RedisAddress
  /** Of all keys: several stores may share a Redis. */
  readonly prefix: string
  /** `fsync`: every answer waits until the server has synced its AOF. Null: as the server is set. */
  readonly durability: 'fsync' | null
  /** Every answer waits for this many replicas. */
  readonly replicas: number
  /** Printable, no secrets. */
  readonly printable: string
}

const HINT =
  'Write redis://[user:password@]host:6379/0, sentinel://host:26379/GROUP or redis+cluster://host:6379; options ?durability=fsync&replicas=1&prefix=NAME'
const OWN = ['durability', 'replicas', 'prefix']

/**
 * Throws StoreAddressError, or a BingoError of the same code for a TLS file that cannot be read. `unnamed`: the prefix of an
 * address that gives none.
 */
export function parseEventRedisAddress(url: string, unnamed = 'events'): EventRedisAddress {
  const [address, query = ''] = splitOnce(url.trim(), '?')
  const own = new URLSearchParams()
  // The others are left as they were written.
  const others = query.split('&').filter((part) => {
    const [[name, value] = ['', '']] = new URLSearchParams(part)
    if (!OWN.includes(name)) return part !== ''
    if (own.has(name)) throw new StoreAddressError(`?${name} is given twice`, HINT)
    own.set(name, value)
    return false
  })
  const redis = redisOf(others.length === 0 ? address : `${address}?${others.join('&')}`)
  const prefix = own.get('prefix') ?? unnamed
  if (!/^[\w.-]{1,100}$/.test(prefix)) {
    throw new StoreAddressError('?prefix is not a name', 'Use letters, digits, ".", "_" and "-".')
  }
  const durability = own.get('durability')
  if (durability !== null && durability !== 'fsync') {
    throw new StoreAddressError(
      `?durability=${durability} is not a durability`,
      'Write durability=fsync, or leave it out.',
    )
  }
  const replicas = own.get('replicas') ?? '0'
  if (!/^\d$/.test(replicas)) throw new StoreAddressError('?replicas is not a number from 0 to 9', HINT)
  const printable = prefix === unnamed ? redis.printable : `${redis.printable}?prefix=${prefix}`
  return { redis, prefix, durability, replicas: Number(replicas), printable }
}

function redisOf(url: string): RedisAddress {
  try {
    return parseRedisUrl(url)
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    throw new StoreAddressError(error.message.replace(/^The Redis address is not valid: /, ''), error.hint ?? HINT)
  }
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
