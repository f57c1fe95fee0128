import type { Config } from '../../app/config/config.ts'
import { stateSettings } from '../../app/state-settings.ts'
import type { Log } from '../../model/rule/action.ts'
import type { DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { openDeadLetterStore } from '../../state/open.ts'

/** The daemon's dead letters; also beside a running one. */
export function openLetters(config: Config, log: Log): Promise<DeadLetterStore> {
  const { maxCount, maxBytes, maxAgeMs } = config.deadLetters
  return openDeadLetterStore(stateSettings(config, log), { maxCount, maxBytes, maxAgeMs })
}
