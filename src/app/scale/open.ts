import { BingoError } from '../../model/errors.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { Config, ScaleRole } from '../config/config.ts'
import { createDaemon } from '../daemon/daemon.ts'
import type { Daemon, DaemonDeps } from '../daemon/daemon-contract.ts'
import { StateServers } from '../../state/sql/servers.ts'

/**
 * The configuration of a process with this role; undefined: as it says itself. Throws BINGO_CONFIG_SCALE for a role that it
 * has no log of changes for.
 */
export function withRole(config: Config, role: ScaleRole | undefined): Config {
  if (role === undefined || role === (config.scale?.role ?? 'all')) return config
  if (config.scale === null) {
    throw new BingoError('BINGO_CONFIG_SCALE', `--role ${role} needs scale.through, the log that changes go through`, {
      hint: 'Set it to kafka://host:9092/bingo-changes, nats://host:4222/bingo-changes or redis://host:6379/1 (BINGO_SCALE_THROUGH).',
    })
  }
  return { ...config, scale: { ...config.scale, role } }
}

/** What `bingo run` runs, by the role of the process. What it does not need is not loaded. */
export async function openDaemon(config: Config, ruleSet: RuleSet, given: DaemonDeps): Promise<Daemon> {
  const deps = { servers: new StateServers(), ...given }
  const { scale } = config
  switch (scale?.role) {
    case 'reader': {
      const { Reader } = await import('./reader.ts')
      return new Reader(config, scale, ruleSet, deps)
    }
    case 'worker': {
      const { Worker } = await import('./worker.ts')
      return new Worker(config, scale, ruleSet, deps)
    }
    default:
      return createDaemon(config, ruleSet, deps)
  }
}
