import { openRedis } from '../../clients/redis.ts'
import type { Log } from '../../model/action.ts'
import type { DeadLetterStore } from '../../model/dead-letter.ts'
import { BingoError } from '../../model/errors.ts'
import { MemoryDeadLetterStore } from './memory-store.ts'
import { RedisDeadLetterStore } from './redis-store.ts'
import type { DeadLetterLimits } from './letter.ts'

export interface OpenDeadLettersOptions {
  /** `deadLetters.store`: a Redis address, `file:PATH` or `memory:`. Undefined: beside the checkpoint. */
  readonly store: string | undefined
  /** `checkpoint.store`, for the default. */
  readonly checkpointStore: string
  /** Instance name. */
  readonly name: string
  readonly limits: DeadLetterLimits
  readonly log: Log
}

const FILE_SUFFIX = '.dead-letters'

/**
 * Opens the dead-letter store. Nothing is read yet, and a server or file that is out of reach is reported by the first
 * use. Throws BINGO_DEAD_LETTERS_STORE_INVALID or BINGO_REDIS_URL_INVALID.
 */
export async function openDeadLetterStore(options: OpenDeadLettersOptions): Promise<DeadLetterStore> {
  const url = options.store ?? options.checkpointStore
  if (/^memory:/i.test(url)) return new MemoryDeadLetterStore(options.limits)
  if (/^file:/i.test(url)) {
    const path = pathOf(url) + (options.store === undefined ? FILE_SUFFIX : '')
    // Loaded when it is used: Node announces node:sqlite as experimental on stderr.
    const { SqliteDeadLetterStore } = await import('./sqlite-store.ts')
    return new SqliteDeadLetterStore(path, options.limits)
  }
  if (/^(rediss?(\+(sentinel|cluster))?|sentinel):\/\//i.test(url)) {
    const redis = openRedis(url, { log: options.log, name: `${options.name}:dead-letters` })
    return new RedisDeadLetterStore(redis, options.name, options.limits)
  }
  throw invalid()
}

function pathOf(url: string): string {
  const path = decodeURI(url.slice('file:'.length).replace(/^\/\/(?=\/)/, ''))
  if (path === '' || path.startsWith('//')) throw invalid()
  return path
}

function invalid(): BingoError {
  return new BingoError('BINGO_DEAD_LETTERS_STORE_INVALID', 'deadLetters.store cannot be used', {
    hint: 'Write redis://host:6379/1, file:/var/lib/bingo/dead-letters or memory:',
  })
}
