import type { Log } from '../../model/rule/action.ts'
import type { ChangeLog, ChangeLogEntry, ChangeLogRecord } from '../../model/state/change-log.ts'
import { requireAll } from './numbers.ts'
import { EventRedis } from '../redis/connection.ts'
import type { EventRedisAddress } from '../redis/address.ts'

/** Of one script, which holds up the server while it runs. */
const APPENDED_AT_ONCE = 500
const PAGE = 100
const TAIL = 500
/** Far below what Redis takes: a script with all of them is in memory as a whole. */
const MOST_BYTES = 4 << 20

const SHARE = `
local function shareOf(share) return KEYS[1] .. ':share:' .. share end
`

/**
 * ARGV: share, body, share, body … Ids go by the clock, so that those of a server that took over, and lacks the last ones, are
 * never among those that were read. The number in the share tells what is behind a place, and what is missing.
 */
const APPEND = `${SHARE}
for i = 1, #ARGV, 2 do
  local key = shareOf(ARGV[i])
  local number = redis.call('INCR', key .. ':number')
  redis.call('XADD', key, '*', 'body', ARGV[i + 1], 'number', string.format('%.0f', number))
end
return 0`

/** ARGV: share, id, how many. Answers id, number, body … */
const READ = `${SHARE}
local out = {}
for _, row in ipairs(redis.call('XRANGE', shareOf(ARGV[1]), '(' .. ARGV[2], '+', 'COUNT', ARGV[3])) do
  out[#out + 1], out[#out + 2], out[#out + 3] = row[1], row[2][4], row[2][2]
end
return out`

/** ARGV: share, how many. Answers bodies, oldest first. */
const TAIL_OF = `${SHARE}
local out, rows = {}, redis.call('XREVRANGE', shareOf(ARGV[1]), '+', '-', 'COUNT', ARGV[2])
for i = #rows, 1, -1 do out[#out + 1] = rows[i][2][2] end
return out`

const NEWEST = `${SHARE}
return redis.call('GET', shareOf(ARGV[1]) .. ':number') or '0'`

const TRIM = `${SHARE}
local next = redis.call('XRANGE', shareOf(ARGV[1]), '(' .. ARGV[2], '+', 'COUNT', 1)[1]
if next then return redis.call('XTRIM', shareOf(ARGV[1]), 'MINID', next[1]) end
return redis.call('XTRIM', shareOf(ARGV[1]), 'MAXLEN', 0)`

/** Asks for the rights of an append, of a server that takes writes. */
const WRITE_NOTHING = `${SHARE}
return redis.call('XTRIM', shareOf(0), 'MAXLEN', 9007199254740991)`

/** A stream per share, all of them on one node of a Cluster. An append is one script: it is there as a whole or not. */
export class RedisChangeLog implements ChangeLog {
  readonly description: string
  readonly #redis: EventRedis
  readonly #shares: number

  constructor(address: EventRedisAddress, { name, shares, log }: { name: string; shares: number; log: Log }) {
    this.description = address.printable
    this.#redis = new EventRedis(address, name, log)
    this.#shares = shares
  }

  async check(): Promise<void> {
    await this.#redis.runDurably(WRITE_NOTHING, [])
    await this.#redis.run(NEWEST, [0])
  }

  mostBytes(): Promise<number> {
    return Promise.resolve(MOST_BYTES)
  }

  async append(records: readonly ChangeLogRecord[]): Promise<void> {
    for (let from = 0; from < records.length; from += APPENDED_AT_ONCE) {
      const args = records.slice(from, from + APPENDED_AT_ONCE).flatMap(({ share, body }) => [share, body])
      await this.#redis.runDurably(APPEND, args)
    }
  }

  async tail(): Promise<readonly ChangeLogRecord[]> {
    const records: ChangeLogRecord[] = []
    for (let share = 0; share < this.#shares; share++) {
      const bodies = (await this.#redis.run(TAIL_OF, [share, TAIL])) as string[]
      for (const body of bodies) records.push({ share, body })
    }
    return records
  }

  async read(share: number, after: string | null): Promise<readonly ChangeLogEntry[]> {
    const found = (await this.#redis.run(READ, [share, after === null ? '0' : idOf(after), PAGE])) as string[]
    const entries = Array.from({ length: found.length / 3 }, (_, i) => {
      const [id, number, body] = found.slice(i * 3, i * 3 + 3) as [string, string, string]
      return { place: `${id}/${number}`, number: Number(number), body }
    })
    requireAll(this.description, share, after === null ? null : numberOf(after), entries)
    return entries
  }

  async behind(share: number, place: string | null): Promise<number> {
    return Math.max(0, Number(await this.#redis.run(NEWEST, [share])) - (place === null ? 0 : numberOf(place)))
  }

  async trim(share: number, upTo: string): Promise<void> {
    await this.#redis.run(TRIM, [share, idOf(upTo)])
  }

  close(): Promise<void> {
    return this.#redis.close()
  }
}

function idOf(place: string): string {
  return place.slice(0, place.indexOf('/'))
}

function numberOf(place: string): number {
  return Number(place.slice(place.indexOf('/') + 1))
}
