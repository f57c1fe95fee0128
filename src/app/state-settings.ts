import type { Log } from '../model/rule/action.ts'
import type { StateSettings } from '../state/open.ts'
import type { Config } from './config/config.ts'

/** Where this instance keeps what it remembers. */
export function stateSettings({ name, checkpoint, deadLetters }: Config, log: Log): StateSettings {
  return { name, checkpoint: checkpoint.store, deadLetters: deadLetters.store, log }
}
