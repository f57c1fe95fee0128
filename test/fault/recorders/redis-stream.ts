import { Redis } from 'ioredis'
import type { RedisServer } from '../../support/servers/redis.ts'
import type { Arrival } from '../checker.ts'
import { arrivalOf, NOTE, recordingRules } from './recorder.ts'
import type { Note, Recorder } from './recorder.ts'

const STREAM = 'arrivals'
const PAGE = 10_000

/** `by` is noted with each change: who sent it, where several daemons do. */
export function redisStreamRules(by = 'bingo'): string {
  const fields = NOTE.replace('}}"}', `}}", by: ${by}}`)
  return recordingRules(`{type: redis, cmd: XADD, key: ${STREAM}, fields: ${fields}}`)
}

/** One stream: the server numbers what arrives. */
export class RedisStreamRecorder implements Recorder {
  readonly rules = redisStreamRules()
  readonly env: Readonly<Record<string, string>>
  private readonly client: Redis
  private readonly seen: Arrival[] = []
  private last = '-'

  constructor(redis: RedisServer) {
    this.env = { BINGO_REDIS_URL: redis.url }
    this.client = new Redis(redis.port, redis.host, { maxRetriesPerRequest: null, enableReadyCheck: false })
    this.client.on('error', () => undefined)
  }

  async arrivals(): Promise<readonly Arrival[]> {
    for (;;) {
      const entries = await this.client.xrange(STREAM, this.last, '+', 'COUNT', PAGE)
      for (const [id, fields] of entries) {
        this.seen.push(arrivalOf(noteOf(fields)))
        this.last = `(${id}`
      }
      if (entries.length < PAGE) return this.seen
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.disconnect()
  }
}

function noteOf(fields: readonly string[]): Note {
  const value = (name: string): string => fields[fields.indexOf(name) + 1]!
  return { key: value('key'), seq: value('seq'), op: value('op'), id: value('id'), by: value('by') }
}
