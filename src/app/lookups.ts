import { Lookups } from '../deliver/lookups/lookups.ts'
import { lookupOpener } from '../deliver/lookups/open-lookup.ts'
import type { Clock } from '../model/clock.ts'
import type { Log } from '../model/rule/action.ts'
import type { Stats } from '../model/stats.ts'
import type { SourceAddress } from '../sources/mysql/source-address.ts'
import type { SourceConfig } from './config/config.ts'
import type { NamedSource } from './open-sources.ts'

/** Where the server of the first source can be reached. */
export function sourceAddresses({ source }: { readonly source: SourceConfig }): readonly SourceAddress[] {
  return source.hosts.length === 0 ? [source] : source.hosts.map(({ host, port }) => ({ ...source, host, port }))
}

/** As `sourceAddresses`, of a pipeline whose sources may be anything. */
export function lookupSource(sources: readonly NamedSource[]): readonly SourceAddress[] {
  const server = sources.find((source) => 'mysql' in source)
  return server === undefined ? [] : sourceAddresses({ source: server.mysql })
}

/** The lookups of rules. `fail`: for whoever does not wait for a server that is down, as a retry of dead letters. */
export function lookupsOf(
  source: readonly SourceAddress[],
  whenDown: 'wait' | 'fail',
  { clock, log, stats }: { readonly clock: Clock; readonly log: Log; readonly stats: Pick<Stats, 'budget'> },
): Lookups {
  return new Lookups({ open: lookupOpener(source), clock, log, budget: stats.budget, whenDown })
}
