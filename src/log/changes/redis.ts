import type { Log } from '../../model/rule/action.ts'
import type { ChangeLog, ChangeLogEntry, ChangeLogRecord } from '../../model/state/change-log.ts'
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

/** ARGV: share, body, share, body … Places are numbers of their own, so that what is behind one can be counted. */
const APPEND = `${SHARE}
for i = 1, #ARGV, 2 do
  local key = shareOf(ARGV[i])
  local place = redis.call('INCR', key .. ':place')
  redis.call('XADD', key, string.format('%.0f', place) .. '-0', 'body', ARGV[i + 1])
end
return 0`

/** ARGV: share, place, how many. Answers place, body, place, body … */
const READ = `${SHARE}
local out = {}
for _, row in ipairs(redis.call('XRANGE', shareOf(ARGV[1]), '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])) do
  out[#out + 1], out[#out + 2] = string.match(row[1], '^%d+'), row[2][2]
end
return out`

/** ARGV: share, how many. Answers bodies, oldest first. */
const TAIL_OF = `${SHARE}
local out, rows = {}, redis.call('XREVRANGE', shareOf(ARGV[1]), '+', '-', 'COUNT', ARGV[2])
for i = #rows, 1, -1 do out[#out + 1] = rows[i][2][2] end
return out`

const NEWEST = `${SHARE}
return redis.call('GET', shareOf(ARGV[1]) .. ':place') or '0'`

const TRIM = `${SHARE}
return redis.call('XTRIM', shareOf(ARGV[1]), 'MINID', ARGV[2] .. '-0')`

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
    const found = (await this.#redis.run(READ, [share, after ?? '0', PAGE])) as string[]
    return Array.from({ length: found.length / 2 }, (_, i) => ({ place: found[i * 2]!, body: found[i * 2 + 1]! }))
  }

  async behind(share: number, place: string | null): Promise<number> {
    return Math.max(0, Number(await this.#redis.run(NEWEST, [share])) - Number(place ?? 0))
  }

  async trim(share: number, upTo: string): Promise<void> {
    await this.#redis.run(TRIM, [share, String(Number(upTo) + 1)])
  }

  close(): Promise<void> {
    return this.#redis.close()
  }
}
