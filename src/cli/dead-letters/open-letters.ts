import { openDeadLetterStore } from '../../state/dead-letters/open-store.ts'
import type { Config } from '../../app/config/config.ts'
import type { Log } from '../../model/action.ts'
import type { DeadLetterStore } from '../../model/dead-letter.ts'

/** The daemon's dead letters; also beside a running one. */
export function openLetters(config: Config, log: Log): Promise<DeadLetterStore> {
  const { store, maxCount, maxBytes, maxAgeMs } = config.deadLetters
  return openDeadLetterStore({
    store,
    checkpointStore: config.checkpoint.store,
    name: config.name,
    limits: { maxCount, maxBytes, maxAgeMs },
    log,
  })
}
