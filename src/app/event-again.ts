import type { Change } from '../model/event/change.ts'
import type { DeadLetter } from '../model/delivery/dead-letter.ts'
import type { Clock } from '../model/clock.ts'
import { ChangeFinder, purged } from '../sources/mysql/change-finder.ts'
import type { SourceConfig } from './config/config.ts'
import { idPrefixOf } from './open-sources.ts'

/** A server that events are read from. */
export interface ServerSource {
  readonly name: string
  readonly mysql: SourceConfig
  readonly isMain: boolean
}

export interface EventAgainDeps {
  readonly instance: string
  /** Asked when the first event is wanted: mostly none is. */
  readonly servers: () => readonly ServerSource[]
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Reads the changes of dead letters again, with all their columns, from the servers that they came from. */
export function eventsAgain(deps: EventAgainDeps): (letter: DeadLetter) => Promise<Change> {
  const finders = new Map<string, ChangeFinder>()
  let servers: readonly ServerSource[] | null = null
  return ({ event }) => {
    servers ??= deps.servers()
    const server =
      servers.find((each) => !each.isMain && event.txId.startsWith(idPrefixOf(each)!)) ??
      servers.find(({ isMain }) => isMain)
    if (server === undefined || event.position.file === '') {
      return Promise.reject(purged(event, 'it does not come from a server that the configuration names'))
    }
    let finder = finders.get(server.name)
    if (finder === undefined) finders.set(server.name, (finder = finderOf(server, deps)))
    return finder.find(event)
  }
}

function finderOf(server: ServerSource, { instance, clock, signal }: EventAgainDeps): ChangeFinder {
  return new ChangeFinder({
    // Another replica than the daemon: a server drops the older of two with one id.
    replicaName: `${instance}:again:${server.name}:${process.pid}`,
    source: server.mysql,
    idPrefix: idPrefixOf(server),
    clock,
    signal,
  })
}
