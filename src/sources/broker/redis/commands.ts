import type { RedisClient } from '../../../clients/redis/redis.ts'
import type { BrokerStart } from '../start.ts'
import { entryOf, type StreamEntry } from './entry.ts'
import { isBehind } from './stream-lease.ts'

type Argument = string | number

/** Takes or renews a lock of ours; 0: somebody else has it. */
const LOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0`
const UNLOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`
const MOST_PENDING = 1_000
/** Consumers of BinGo are called so. */
export const CONSUMER_PREFIX = 'bingo:'

/** What a group has read of its stream, and what is left of that. */
export interface StreamState {
  readonly length: number
  /** Of all that were ever added, removed by trimming. */
  readonly trimmed: number
  readonly first: string | null
  readonly lastAdded: string
  readonly deletedUpTo: string
  readonly delivered: string
  /** Null: the server does not know. */
  readonly read: number | null
}

/** The commands of a reader of streams, for one group. Rejects with the client's error. */
export class StreamCommands {
  private readonly group: string
  private readonly consumer: string

  constructor(group: string, consumer: string) {
    this.group = group
    this.consumer = consumer
  }

  async lock(client: RedisClient, stream: string, owner: string, ms: number): Promise<boolean> {
    return Number(await client.eval(LOCK, 1, this.lockOf(stream), owner, ms)) === 1
  }

  async unlock(client: RedisClient, stream: string, owner: string): Promise<void> {
    await client.eval(UNLOCK, 1, this.lockOf(stream), owner)
  }

  /** Makes the group where there is none; false: there was one. */
  async create(client: RedisClient, stream: string, start: BrokerStart): Promise<boolean> {
    try {
      await client.call('XGROUP', 'CREATE', stream, this.group, startId(start))
      return true
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('BUSYGROUP')) return false
      throw error
    }
  }

  async state(client: RedisClient, stream: string): Promise<StreamState> {
    const info = pairs(await client.call('XINFO', 'STREAM', stream))
    const groups = (await client.call('XINFO', 'GROUPS', stream)) as unknown[]
    const group = groups.map(pairs).find((each) => each.get('name') === this.group) ?? new Map<string, unknown>()
    const length = Number(info.get('length'))
    const read = group.get('entries-read')
    return {
      length,
      trimmed: Number(info.get('entries-added') ?? length) - length,
      first: (info.get('first-entry') as [string] | null)?.[0] ?? null,
      lastAdded: String(info.get('last-generated-id')),
      deletedUpTo: (info.get('max-deleted-entry-id') as string | undefined) ?? '0-0',
      delivered: (group.get('last-delivered-id') as string | undefined) ?? '0-0',
      read: typeof read === 'number' ? read : null,
    }
  }

  /** Nothing before the next entry is missing from now on. */
  async skipTo(client: RedisClient, stream: string, id: string, read: number): Promise<void> {
    await client.call('XGROUP', 'SETID', stream, this.group, id, 'ENTRIESREAD', read)
  }

  /** Pending entries of other consumers: of BinGo's at once, of others after this time. Answers how many are ours now. */
  async claim(client: RedisClient, stream: string, idleMs: number): Promise<readonly StreamEntry[]> {
    const reply = await client.call('XPENDING', stream, this.group, '-', '+', MOST_PENDING)
    const ids = (reply as [string, string, number, number][])
      .filter(([, consumer]) => consumer !== this.consumer)
      .filter(([, consumer, idle]) => consumer.startsWith(CONSUMER_PREFIX) || idle >= idleMs)
      .map(([id]) => id)
    if (ids.length === 0) return []
    const claimed = await client.callBuffer('XCLAIM', stream, this.group, this.consumer, 0, ...ids)
    return (claimed as unknown[]).filter((each) => each !== null).map(entryOf)
  }

  /** `from`: `>` for new ones, else pending ones of this consumer behind it. By stream. */
  async read(
    client: RedisClient,
    from: ReadonlyMap<string, string>,
    count: number,
    blockMs: number | null,
  ): Promise<ReadonlyMap<string, readonly StreamEntry[]>> {
    const block: Argument[] = blockMs === null ? [] : ['BLOCK', blockMs]
    const head: Argument[] = ['GROUP', this.group, this.consumer, 'COUNT', count, ...block, 'STREAMS']
    const reply = await client.callBuffer('XREADGROUP', ...head, ...from.keys(), ...from.values())
    const streams = (reply ?? []) as [Buffer, unknown[]][]
    return new Map(streams.map(([stream, entries]) => [String(stream), entries.map(entryOf)]))
  }

  async acknowledge(client: RedisClient, stream: string, ids: readonly string[]): Promise<void> {
    await client.xack(stream, this.group, ...ids)
  }

  /** Beside the stream: whoever may write to it by a pattern of keys may write this. */
  private lockOf(stream: string): string {
    return `${stream}:bingo-reader:${this.group}`
  }
}

/** How many entries were trimmed before they were read; 0: none, or it cannot be told. */
export function trimmedUnread({
  length,
  trimmed,
  first,
  lastAdded,
  deletedUpTo,
  delivered,
  read,
}: StreamState): number {
  if (read === null || isBehind(deletedUpTo, delivered)) return 0
  const isCut = length === 0 ? isBehind(lastAdded, delivered) : first !== null && isBehind(first, delivered)
  return isCut ? Math.max(0, trimmed - read) : 0
}

export function startId(start: BrokerStart): string {
  switch (start.tag) {
    case 'earliest':
      return '0-0'
    case 'latest':
      return '$'
    case 'time':
      return `${Math.max(0, start.ms - 1)}-18446744073709551615`
  }
}

function pairs(reply: unknown): ReadonlyMap<string, unknown> {
  const flat = reply as unknown[]
  const map = new Map<string, unknown>()
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(String(flat[i]), flat[i + 1])
  return map
}
