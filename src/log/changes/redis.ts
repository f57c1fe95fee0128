import { randomUUID } from 'node:crypto'
import type { Log } from '../../model/rule/action.ts'
import type { ChangeLog, ChangeLogEntry, ChangeLogRecord } from '../../model/state/change-log.ts'
import { recordsLost, requireAll } from './numbers.ts'
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
local about = KEYS[1] .. ':changes'
`

/**
 * ARGV: an id for the log if it is new, share, body, share, body … Ids go by the clock, so that those of a server that took
 * over, and lacks the last ones, are never among those that were read. The number in the share tells what is behind a place, and
 * what is missing; the id of the log, that it was deleted, which a server that took over would have too. Answers that id, and
 * how many were ever appended.
 */
const APPEND = `${SHARE}
redis.call('HSETNX', about, 'id', ARGV[1])
for i = 2, #ARGV, 2 do
  local key = shareOf(ARGV[i])
  local number = redis.call('INCR', key .. ':number')
  redis.call('XADD', key, '*', 'body', ARGV[i + 1], 'number', string.format('%.0f', number))
end
return {redis.call('HGET', about, 'id'), redis.call('HINCRBY', about, 'appended', (#ARGV - 1) / 2)}`

/** ARGV: share, id, how many. Answers the id of the log, then id, number, body … */
const READ = `${SHARE}
local out = {redis.call('HGET', about, 'id') or ''}
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
  readonly #log: Log
  /** After the last append. */
  #known: { readonly id: string; readonly appended: number } | null = null

  constructor(address: EventRedisAddress, { name, shares, log }: { name: string; shares: number; log: Log }) {
    this.description = address.printable
    this.#redis = new EventRedis(address, name, log)
    this.#shares = shares
    this.#log = log
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
      const some = records.slice(from, from + APPENDED_AT_ONCE)
      const args = [randomUUID(), ...some.flatMap(({ share, body }) => [share, body])]
      this.#compare((await this.#redis.runDurably(APPEND, args)) as [string, number], some.length)
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
    const log = found[0]!
    if (after !== null && !['', log].includes(logOf(after))) {
      throw recordsLost(this.description, share, `it was deleted after ${idOf(after)} was read`)
    }
    const entries = Array.from({ length: (found.length - 1) / 3 }, (_, i) => {
      const [id, number, body] = found.slice(1 + i * 3, 4 + i * 3) as [string, string, string]
      return { place: `${id}/${number}/${log}`, number: Number(number), body }
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

  /** What it had confirmed is not there any more, and the checkpoint of the reader may be behind it: it can only be said. */
  #compare([id, appended]: [string, number], more: number): void {
    const before = this.#known
    this.#known = { id, appended }
    if (before === null || (before.id === id && appended >= before.appended + more)) return
    const fields = { code: 'BINGO_SCALE_RECORDS_LOST', log: this.description }
    if (before.id !== id) {
      this.#log.error(fields, 'the log of changes was deleted, with the records that no worker had read')
      return
    }
    const lost = { ...fields, records: before.appended + more - appended }
    this.#log.error(lost, 'Redis lost the last records that it had confirmed, in a failover or a restart')
  }
}

/** `ID/NUMBER/LOG`; earlier versions have stored it without the id of the log. */
function idOf(place: string): string {
  return place.split('/')[0]!
}

function numberOf(place: string): number {
  return Number(place.split('/')[1])
}

function logOf(place: string): string {
  return place.split('/')[2] ?? ''
}
