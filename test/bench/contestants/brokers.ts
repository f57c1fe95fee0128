import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, headers as createHeaders } from '@nats-io/transport-node'
import { Connection } from 'rabbitmq-client'
import { startNats } from '../../support/servers/nats.ts'
import { startRabbitmq } from '../../support/servers/rabbitmq.ts'
import { BODY, dedupeId, inPieces, json, message } from './contestant.ts'
import type { Contestant } from './contestant.ts'

const NAME = 'changes'
const ROWS = 50_000

/** Persistent messages with publisher confirms, up to a thousand unconfirmed. */
export const RABBITMQ: Contestant = {
  name: 'rabbitmq',
  rows: ROWS,
  async start() {
    const server = await startRabbitmq()
    const connection = new Connection(server.url)
    connection.on('error', () => undefined)
    await connection.queueDeclare({ queue: NAME, durable: true })
    const channel = await connection.acquire()
    await channel.confirmSelect()
    return {
      action: `{type: rabbitmq, id: send, url: "${server.url}", routingKey: ${NAME}, body: ${BODY}}`,
      bare: (rows) =>
        inPieces(rows, 1, 1_000, (id) => {
          const envelope = {
            routingKey: NAME,
            durable: true,
            mandatory: true,
            messageId: dedupeId(id),
            correlationId: String(id),
            contentType: 'application/json',
            headers: { 'bingo-event-id': message(id).event },
          }
          return channel.basicPublish(envelope, Buffer.from(json(id)))
        }),
      async [Symbol.asyncDispose]() {
        connection.unsafeDestroy()
        await server.stop()
      },
    }
  },
}

/** Messages with an id, up to five hundred unacknowledged. */
export const NATS: Contestant = {
  name: 'nats JetStream',
  rows: ROWS,
  async start() {
    const server = await startNats()
    const connection = await connect({ servers: server.url.replace('nats://', '') })
    await (await jetstreamManager(connection)).streams.add({ name: NAME, subjects: [NAME] })
    const stream = jetstream(connection)
    return {
      action: `{type: nats, url: "${server.url}", subject: ${NAME}, body: ${BODY}}`,
      bare: (rows) =>
        inPieces(rows, 1, 500, (id) => {
          const headers = createHeaders()
          headers.set('Content-Type', 'application/json')
          return stream.publish(NAME, json(id), { msgID: message(id).event, headers })
        }),
      async [Symbol.asyncDispose]() {
        await connection.close()
        await server.stop()
      },
    }
  },
}
