import { openRedis } from '../../clients/redis.ts'
import type { Log } from '../../model/action.ts'
import type { CheckpointStore } from '../../model/checkpoint.ts'
import { BingoError } from '../../model/errors.ts'
import { FileCheckpointStore } from './file-store.ts'
import { MemoryCheckpointStore } from './memory-store.ts'
import { RedisCheckpointStore } from './redis-store.ts'

export interface OpenStoreOptions {
  readonly log: Log
  /** Only look: no lock is taken, so it works beside a running daemon. Saving is then the caller's mistake. */
  readonly readOnly?: boolean
}

/**
 * Opens the store that `checkpoint.store` names: any Redis address, `file:PATH` or `memory:`. Nothing is read yet.
 * Throws BINGO_CHECKPOINT_STORE_INVALID or BINGO_REDIS_URL_INVALID.
 */
export function openCheckpointStore(url: string, name: string, options: OpenStoreOptions): CheckpointStore {
  if (url === 'memory:' || url === 'memory://') return new MemoryCheckpointStore()
  if (url.startsWith('file:')) return new FileCheckpointStore(pathOf(url), name, options.readOnly ?? false)
  if (/^(rediss?(\+(sentinel|cluster))?|sentinel):\/\//i.test(url)) {
    return new RedisCheckpointStore(openRedis(url, { log: options.log, name: `${name}:checkpoint` }), name)
  }
  throw invalid(`"${url.replace(/\/\/[^@]*@/, '//***@')}" is none of its forms`)
}

/** `file:/a/b`, `file:///a/b` and `file:relative/b`; a host makes no sense here. */
function pathOf(url: string): string {
  const rest = url.slice('file:'.length)
  const path = rest.startsWith('//') ? rest.slice(2) : rest
  if (path === '' || (rest.startsWith('//') && !path.startsWith('/'))) throw invalid('the path is missing')
  return decodeURI(path)
}

function invalid(why: string): BingoError {
  return new BingoError('BINGO_CHECKPOINT_STORE_INVALID', `checkpoint.store cannot be used: ${why}`, {
    hint: 'Write redis://host:6379/1, file:/var/lib/bingo/checkpoint or memory:',
  })
}
