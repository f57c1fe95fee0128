import { systemClock } from '../../../src/model/clock.ts'
import type { EventProvider } from '../../../src/model/state/event-provider.ts'
import type { DatabaseServer } from './database-server.ts'
import type { EngineServer } from './engine-server.ts'
import type { ProviderSetup } from './new-event.ts'
import type { EventRedisServer } from './redis-server.ts'
import type { TestedStore } from './promises.ts'
import { openStore } from './store-url.ts'

function open(url: string | null, { now, ...setup }: ProviderSetup = {}): Promise<EventProvider> {
  const clock = now === undefined ? systemClock : { ...systemClock, now }
  return openStore(url ?? 'memory:', { name: 'test', ...setup, clock })
}

export const MEMORY: TestedStore = { column: 'memory', newUrl: async () => null, open, killServer: null }

export function fileStore(folder: string): TestedStore {
  let files = 0
  return { column: 'SQLite', newUrl: async () => `file:${folder}/promises-${++files}`, open, killServer: null }
}

export function serverStore(server: DatabaseServer): TestedStore {
  const killServer = async (): Promise<void> => {
    await server.kill()
    await server.restart()
  }
  const column = server.kind === 'MySQL 8.0' ? 'MySQL' : server.kind
  return { column, newUrl: () => server.create(), open, killServer }
}

export function redisStore(server: EventRedisServer): TestedStore {
  const killServer = async (): Promise<void> => {
    await server.kill()
    await server.restart()
  }
  return { column: 'Redis', newUrl: async () => server.create(), open, killServer }
}

/** With an index in a file. */
export function engineStore(server: EngineServer, folder: string): TestedStore {
  let files = 0
  const killServer = async (): Promise<void> => {
    await server.kill()
    await server.restart()
  }
  const newUrl = async (): Promise<string> => `${server.newUrl()} file:${folder}/index-${++files}`
  return { column: server.column, newUrl, open, killServer }
}
