import { readSmallFile } from '../../model/small-file.ts'
import { BlockList, isIP } from 'node:net'
import { AddressError } from '../../clients/address/error.ts'
import { parseRedisUrl } from '../../clients/redis/redis-url.ts'
import { parseSqlAddress } from '../../clients/sql/address.ts'
import { BingoError } from '../../model/errors.ts'
import type { StartPoint } from '../../model/source/position.ts'
import { parseHostPort, parseSourceUrl, type HostPort, type SourceAddress } from '../../sources/mysql/source-address.ts'
import { parseStartPoint } from '../../sources/mysql/start-point.ts'
import { parseStoreUrl } from '../../state/store-url.ts'
import { InvalidValue, text, textList, textParser } from './values.ts'
import { parseChangeLogAddress } from '../../log/changes/address.ts'

/** Reads `mysql://user:password@host:port`; the reader of the source knows the form, and never quotes it. */
export const mysqlUrl = textParser((value): SourceAddress => asInvalidValue(() => parseSourceUrl(text(value).trim())))

export const startPoint = textParser((value): StartPoint => asInvalidValue(() => parseStartPoint(text(value))))

export const redisAddress = textParser((value): string => {
  const address = text(value).trim()
  asInvalidValue(() => parseRedisUrl(address))
  return address
})

/** Servers of one replication group, each `host:port` or `host`, none twice. */
export const hostList = textParser((value): readonly HostPort[] => {
  const seen = new Set<string>()
  return textList(value).map((written) => {
    const address = parseHostPort(written)
    if (address === undefined) {
      throw new InvalidValue(
        `"${written}" is not a valid server address`,
        'Write addresses such as db1:3306, db2, [fd00::1]:3306.',
      )
    }
    const name = `${address.host}:${address.port}`
    if (seen.has(name)) throw new InvalidValue(`"${written}" is listed twice`, 'List each server once.')
    seen.add(name)
    return address
  })
}, textList.schema)

/** A file of PEM blocks, read at once so that a wrong path shows before anything starts. */
export const pemFile = textParser((value): string => {
  const path = text(value)
  if (path.includes('-----BEGIN ')) return path
  try {
    return readSmallFile(path)
  } catch (error) {
    throw new InvalidValue(
      `cannot read the file ${path} (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
      'Write the path of a PEM file, or the PEM text itself.',
    )
  }
})

function asInvalidValue<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof BingoError) throw new InvalidValue(error.message, error.hint ?? '')
    throw error
  }
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:8686`, `[::1]:8686`, `8686` (loopback), `:8686` (every interface), `off`. */
export const listenAddress = textParser(
  (value): ListenAddress | null => {
    if (value === false) return null
    const written = text(value).trim()
    if (written === 'off' || written === 'false') return null
    const parts = /^(?:(\[[0-9a-f:.]+\]|[a-z0-9.-]*):)?(\d{1,5})$/i.exec(written)
    const port = Number(parts?.[2])
    if (!parts || port > 65_535) {
      throw new InvalidValue(
        `"${written}" is not a valid listen address`,
        'Write an address such as 127.0.0.1:8686, 0.0.0.0:8686 or [::1]:8686, or write off.',
      )
    }
    if (parts[1] === undefined) return { host: '127.0.0.1', port }
    return { host: parts[1] === '' ? '0.0.0.0' : parts[1].replace(/^\[(.*)\]$/, '$1'), port }
  },
  { type: ['string', 'integer', 'boolean'] },
)

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

export function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family === 0 ? host === 'localhost' : LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

/** Networks such as `10.0.0.0/8` and `fd00::/8`; a lone address is a network of one. */
export const cidrList = textParser((value): readonly string[] => {
  const list = textList(value)
  for (const cidr of list) {
    const [address, bits, more] = cidr.split('/')
    const family = isIP(address ?? '')
    const width = family === 4 ? 32 : 128
    const right = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width)
    if (family === 0 || !right || more !== undefined) {
      throw new InvalidValue(
        `"${cidr}" is not a valid network`,
        'Write a network such as 10.0.0.0/8 or fd00::/8, or one address.',
      )
    }
  }
  return list
}, textList.schema)

/**
 * Where something is kept: a Redis, a database server, `file:/path` or `memory:`. What stands behind it is checked when it is
 * opened.
 */
export const storeAddress = textParser((value): string => {
  const forms =
    'Write redis://cache:6379/1, file:/var/lib/bingo/checkpoint, mysql://…, mariadb://…, postgres://…, or memory: (for experiments).'
  return anyStore(value, 'not a valid store address', forms)
})

/** Where sagas are kept: a state file, a database server, a Redis, or `memory:`. */
export const sagaStoreAddress = textParser((value): string => {
  const forms =
    'Write file:/var/lib/bingo/sagas, mysql://…, mariadb://…, postgres://…, redis://…, or memory: (for experiments).'
  return anyStore(value, 'not a valid store of sagas', forms)
})

function anyStore(value: unknown, isNone: string, forms: string): string {
  const address = text(value).trim()
  if (/^[a-z+]*(redis|sentinel)/i.test(address)) return redisAddress(address)
  const place = parseStoreUrl(address)
  if (place === null) throw new InvalidValue(isNone, forms)
  if (place.tag !== 'sql') return address
  try {
    parseSqlAddress(address)
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    throw new InvalidValue(`${isNone}: ${error.message}`, error.hint)
  }
  return address
}

/** Where changes go from the reader to the workers. */
export const changeLogAddress = textParser((value): string => {
  const address = text(value).trim()
  try {
    parseChangeLogAddress(address)
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    throw new InvalidValue(error.message.replace(/^scale\.through cannot be used: /, ''), error.hint ?? '')
  }
  return address
})
