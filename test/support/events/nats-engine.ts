import type { StreamConfig } from '@nats-io/jetstream'
import { dialNats, jetstreamOf, newHeaders } from '../../../src/clients/nats/nats.ts'
import { APPENDED_AT, INDEX, PLACE } from '../../../src/log/indexed/entry.ts'
import { parseNatsAddress } from '../../../src/log/nats/address.ts'
import { NatsEngine } from '../../../src/log/nats/engine.ts'
import { startNats } from '../servers/nats.ts'
import { OTHER } from './engine-server.ts'
import type { EngineServer } from './engine-server.ts'

export interface NatsEngineServer extends EngineServer {
  /** Makes the stream as somebody else would. */
  make(url: string, config: Partial<StreamConfig>): Promise<void>
}

let logs = 0

export async function startNatsEngine(config = ''): Promise<NatsEngineServer> {
  const server = await startNats({ config })
  const withClient = async <T>(work: (client: Awaited<ReturnType<typeof dialNats>>) => Promise<T>): Promise<T> => {
    const client = await dialNats({ servers: `127.0.0.1:${server.port}` })
    try {
      return await work(client)
    } finally {
      await client.close()
    }
  }
  const streamOf = (url: string): string => parseNatsAddress(url).stream
  return {
    column: 'NATS JetStream',
    newUrl: () => `${server.url}/log-${++logs}`,
    open: (url) => new NatsEngine(parseNatsAddress(url)),
    publishOther: (url) =>
      withClient(async (client) => {
        const stream = streamOf(url)
        await jetstreamOf(client).publish(`${stream}.x`, 'hello')
        const headers = newHeaders()
        headers.set(INDEX, OTHER)
        headers.set(PLACE, '1')
        headers.set(APPENDED_AT, '1')
        await jetstreamOf(client).publish(`${stream}.x`, 'not json', { headers })
      }),
    places: (url) =>
      withClient(async (client) => {
        const manager = await jetstreamOf(client).jetstreamManager()
        const stream = streamOf(url)
        const { state } = await manager.streams.info(stream)
        const places: number[] = []
        for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
          const message = await manager.streams.getMessage(stream, { seq })
          if (message?.header.has(PLACE) === true && message.header.get(INDEX) !== OTHER)
            places.push(Number(message.header.get(PLACE)))
        }
        return places
      }),
    make: (url, config) =>
      withClient(async (client) => {
        const manager = await jetstreamOf(client).jetstreamManager()
        const name = streamOf(url)
        await manager.streams.add({ name, subjects: [`${name}.*`], allow_direct: true, ...config })
      }),
    lose: (url) =>
      withClient(async (client) => {
        const manager = await jetstreamOf(client).jetstreamManager()
        await manager.streams.delete(streamOf(url))
      }),
    kill: () => server.kill(),
    restart: () => server.restart(),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}
