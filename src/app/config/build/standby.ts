import type { SourceConfig, StandbyConfig } from '../config.ts'
import { report, type BuildOptions } from './options.ts'

/** Instances on several machines share a checkpoint, and one place for the lease. */
export function standbyOf(options: BuildOptions, sources: readonly SourceConfig[]): StandbyConfig {
  const { values } = options
  const given = values['standby.lease']!
  const lease = given === 'redis' ? 'store' : given
  if (lease !== 'off' && /^(file|memory):/.test(values['checkpoint.store']!)) {
    report(
      options,
      'standby.lease',
      'BINGO_CONFIG_STANDBY',
      'a standby needs a checkpoint store that both instances can reach',
      {
        hint: 'Set checkpoint.store to a Redis, like redis://cache:6379/1, or to a database, like postgres://bingo:secret@db/bingo.',
      },
    )
  }
  if (lease === 'mysql' && sources.length === 0) {
    report(
      options,
      'standby.lease',
      'BINGO_CONFIG_STANDBY',
      'a lock on the source cannot be the lease without a source',
      {
        hint: 'Set standby.lease to store.',
      },
    )
  }
  if (lease === 'mysql' && sources[0] !== undefined && sources[0].hosts.length > 1) {
    report(
      options,
      'standby.lease',
      'BINGO_CONFIG_STANDBY',
      'a lock on one server cannot be the lease when source.hosts lists several servers',
      {
        hint: 'Set standby.lease to store.',
      },
    )
  }
  return { lease, ttlMs: values['standby.ttl']! }
}
