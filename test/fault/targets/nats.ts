import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/transport-node'
import { startNats } from '../../support/servers/nats.ts'
import type { Arrival } from '../checker.ts'
import { arrivalOfJson, breakable, NOTE } from './outlet.ts'
import type { Outlet } from './outlet.ts'

const STREAM = 'arrivals'

export async function startNatsStream(): Promise<Outlet> {
  const server = await startNats()
  const using = async <T>(work: (connection: NatsConnection) => Promise<T>): Promise<T> => {
    const connection = await connect({ servers: server.url.replace('nats://', '') })
    try {
      return await work(connection)
    } finally {
      await connection.close()
    }
  }
  await using(async (connection) => {
    await (await jetstreamManager(connection)).streams.add({ name: STREAM, subjects: [STREAM] })
  })
  return {
    name: 'nats JetStream',
    keeps: 'history',
    action: `{type: nats, url: "${server.url}", subject: ${STREAM}, body: ${NOTE}}`,
    ...breakable(server),
    arrivals: () => using(readAll),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

async function readAll(connection: NatsConnection): Promise<Arrival[]> {
  const { state } = await (await jetstreamManager(connection)).streams.info(STREAM)
  const arrivals: Arrival[] = []
  if (state.messages === 0) return arrivals
  const consumer = await jetstream(connection).consumers.get(STREAM)
  for await (const message of await consumer.consume()) {
    arrivals.push(arrivalOfJson(message.string()))
    if (message.seq === state.last_seq) break
  }
  return arrivals
}
