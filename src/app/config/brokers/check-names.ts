import { polledSourceNames } from '../../outbox/polled-outboxes.ts'
import type { BuildOptions } from '../build/options.ts'
import type { NamedSourceConfig } from '../config.ts'
import { EVENTS_SOURCE, STREAMS_SOURCE } from '../sources.ts'

/** Positions are stored under the names of sources. */
export function checkBrokerNames({ contents, problems }: BuildOptions, sources: readonly NamedSourceConfig[]): void {
  const taken = new Set([
    ...sources.map(({ name }) => name),
    ...polledSourceNames(contents.outboxes),
    EVENTS_SOURCE,
    STREAMS_SOURCE,
  ])
  for (const { name, location } of contents.brokers) {
    if (taken.has(name)) {
      const hint = 'Give it another one, as in name: orders. Its position is stored under it.'
      const message = `another source has the name "${name}"`
      problems.push({ code: 'BINGO_CONFIG_SOURCES', severity: 'error', location, message, hint })
    }
    taken.add(name)
  }
}
