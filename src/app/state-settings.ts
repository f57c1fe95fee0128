import type { Log } from '../model/rule/action.ts'
import type { StateSettings } from '../state/open.ts'
import type { StateServers } from '../state/sql/servers.ts'
import type { Config } from './config/config.ts'

/** Where this instance keeps what it remembers. `servers`: what its stores share of database servers. */
export function stateSettings(
  { name, checkpoint, deadLetters }: Config,
  log: Log,
  servers?: StateServers,
): StateSettings {
  return { name, checkpoint: checkpoint.store, deadLetters: deadLetters.store, log, servers }
}
