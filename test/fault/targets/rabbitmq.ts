import { Connection } from 'rabbitmq-client'
import { startRabbitmq } from '../../support/servers/rabbitmq.ts'
import type { Arrival } from '../checker.ts'
import { arrivalOf, breakable, NOTE } from './outlet.ts'
import type { Note, Outlet } from './outlet.ts'

const QUEUE = 'arrivals'

export async function startRabbitmqQueue(): Promise<Outlet> {
  const server = await startRabbitmq()
  const connection = connect(server.url)
  await connection.queueDeclare({ queue: QUEUE, durable: true })
  await connection.close()
  return {
    name: 'rabbitmq',
    keeps: 'history',
    action: `{type: rabbitmq, url: "${server.url}", routingKey: ${QUEUE}, body: ${NOTE}}`,
    ...breakable(server),
    arrivals: () => takeAll(server.url),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** Takes the whole queue away: to be asked once. */
async function takeAll(url: string): Promise<Arrival[]> {
  const connection = connect(url)
  const { messageCount } = await connection.queueDeclare({ queue: QUEUE, passive: true })
  const arrivals: Arrival[] = []
  if (messageCount > 0) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const consumer = connection.createConsumer(
      { queue: QUEUE, queueOptions: { passive: true }, noAck: true },
      (message) => {
        arrivals.push(arrivalOf(message.body as Note))
        if (arrivals.length === messageCount) resolve()
      },
    )
    await promise
    await consumer.close()
  }
  await connection.close()
  return arrivals
}

function connect(url: string): Connection {
  const connection = new Connection(url)
  connection.on('error', () => undefined)
  return connection
}
