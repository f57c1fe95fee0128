import { BingoError } from '../../model/errors.ts'
import type { Log } from '../../model/rule/action.ts'
import type { ChangeLog } from '../../model/state/change-log.ts'
import { parseChangeLogAddress } from './address.ts'

export interface ChangeLogOptions {
  /** Instance name. */
  readonly name: string
  readonly shares: number
  readonly log: Log
}

/**
 * Opens what `scale.through` names. A server that is out of reach is reported by the first use. Rejects with
 * BINGO_SCALE_THROUGH_INVALID. The client of one engine is loaded.
 */
export async function openChangeLog(url: string, options: ChangeLogOptions): Promise<ChangeLog> {
  const address = parseChangeLogAddress(url)
  switch (address.tag) {
    case 'redis': {
      const { RedisChangeLog } = await import('./redis.ts')
      return ofSetting(new RedisChangeLog(address.redis, options))
    }
    case 'nats': {
      const { NatsChangeLog } = await import('./nats.ts')
      return ofSetting(new NatsChangeLog(address.stream, options.shares))
    }
    case 'kafka': {
      const { KafkaChangeLog } = await import('./kafka.ts')
      return ofSetting(new KafkaChangeLog(address.topic, options.shares))
    }
  }
}

/** What errors of an engine advise names the setting by which it is used here. */
export function named<T>(result: Promise<T>): Promise<T> {
  return result.catch((error: unknown) => {
    if (!(error instanceof BingoError) || error.hint === undefined) throw error
    const { code, message, retryable, cause } = error
    const hint = error.hint.replaceAll('events.store', 'scale.through')
    throw new BingoError(code, message, { hint, retryable, cause })
  })
}

function ofSetting(log: ChangeLog): ChangeLog {
  return {
    description: log.description,
    check: () => named(log.check()),
    mostBytes: () => named(log.mostBytes()),
    append: (records) => named(log.append(records)),
    tail: () => named(log.tail()),
    read: (share, after) => named(log.read(share, after)),
    behind: (share, place) => named(log.behind(share, place)),
    trim: (share, upTo) => named(log.trim(share, upTo)),
    close: () => log.close(),
  }
}
