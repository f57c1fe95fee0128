import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { Connection } from 'rabbitmq-client'
import { expect, test } from 'vitest'
import type { PostedEvent } from '../../src/model/event/posted/posted-event.ts'
import type { Sendable } from '../../src/model/rule/action.ts'
import { actionTypes } from '../../src/targets/registry.ts'
import { MAIL_PROTO, Mailer } from '../support/grpc-server.ts'
import { silentLog } from '../support/jobs.ts'
import { readTopic } from '../support/kafka-topic.ts'
import { posted } from '../support/posted-events.ts'
import { rulesFrom } from '../support/rules-from-text.ts'
import { summary } from '../support/redelivery.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRabbitmq } from '../support/servers/rabbitmq.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

const { signal } = new AbortController()
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
/** Ids of any text have to get through headers of any protocol. */
const EVENT = posted({
  id: 'order 17/ü',
  key: 'order-17',
  payload: { id: 17 },
  correlationId: 'chain é 1',
  causationId: 'cause-1',
  traceparent: TRACEPARENT,
})
const CORRELATION = 'chain%20%C3%A9%201'
const MESSAGE_ID = 'order%2017/%C3%BC#r#a'

/** Sends the event by one action of a rule. */
async function send(action: string, event: PostedEvent = EVENT): Promise<void> {
  expect(await resultOf(action, event)).toBeUndefined()
}

/** What each event that failed failed with; undefined when none did. */
async function resultOf(action: string, ...events: readonly PostedEvent[]): Promise<ReturnType<typeof summary>> {
  const [rule] = rulesFrom(`rules: [{id: r, on: "orders.**", actions: [{id: a, ${action}}]}]`)
  const [plan] = rule!.actions
  const target = await actionTypes().get(plan!.type)!.open(plan!.target, { log: silentLog, now: Date.now })
  const jobs = events.map((event): Sendable => {
    return { id: event.id, key: event.key!, at: 0, payload: plan!.bind(event.table)(event), action: plan! }
  })
  try {
    return summary(await target.send(jobs, signal))
  } finally {
    await target.close()
  }
}

test('Kafka gets a posted event by its key, with its correlation in the headers', async () => {
  await using server = await startKafka({})
  await send(`type: kafka, brokers: ["${server.url}"], topic: orders, createTopics: true, format: cloudevents`)
  const [record] = await readTopic([server.url], 'orders', 1)
  expect(record).toMatchObject({
    key: 'order-17',
    headers: {
      'bingo-correlation-id': CORRELATION,
      'bingo-causation-id': 'cause-1',
      traceparent: TRACEPARENT,
      'bingo-event-id': 'order 17/ü',
      'bingo-message-id': MESSAGE_ID,
    },
  })
  expect(JSON.parse(record!.value)).toMatchObject({
    type: 'orders.order.create',
    subject: 'order-17',
    data: { id: 17 },
  })
})

test('RabbitMQ gets the correlation as property, and everything else as headers', async () => {
  await using server = await startRabbitmq({})
  const connection = new Connection(server.url)
  try {
    await connection.queueDeclare({ queue: 'orders' })
    await send(`type: rabbitmq, url: "${server.url}", routingKey: orders`)
    const message = await connection.basicGet({ queue: 'orders', noAck: true })
    expect(message).toMatchObject({
      messageId: MESSAGE_ID,
      correlationId: CORRELATION,
      headers: { 'bingo-correlation-id': CORRELATION, 'bingo-causation-id': 'cause-1', traceparent: TRACEPARENT },
      body: { type: 'orders.order.create', payload: { id: 17 } },
    })
    const nowhere = `type: rabbitmq, url: "${server.url}", routingKey: nowhere`
    const unroutable = 'unknown BINGO_RABBITMQ_REFUSED'
    expect(await resultOf(nowhere, EVENT, EVENT)).toEqual([unroutable, 'unknown BINGO_BEHIND_FAILURE'])
    const other = posted({ ...EVENT.envelope, timestamp: '2026-11-28T10:00:00Z', id: 'e2', key: 'other' })
    expect(await resultOf(nowhere, EVENT, other)).toEqual([unroutable, unroutable])
  } finally {
    connection.unsafeDestroy()
  }
})

test('NATS keeps a posted event once, with its correlation in the headers', async () => {
  await using server = await startNats()
  const connection = await connect({ servers: server.url.replace('nats://', '') })
  try {
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name: 'orders', subjects: ['orders.>'] })
    const action = `type: nats, url: "${server.url}", subject: "{{event.type}}"`
    await send(action)
    await send(action)
    expect((await manager.streams.info('orders')).state.messages).toBe(1)
    const message = await manager.streams.getMessage('orders', { seq: 1 })
    expect(message?.header.get('Nats-Msg-Id')).toBe(MESSAGE_ID)
    expect(message?.header.get('bingo-correlation-id')).toBe(CORRELATION)
    expect(message?.header.get('traceparent')).toBe(TRACEPARENT)
  } finally {
    await connection.close()
  }
})

test('gRPC gets the correlation as metadata', async () => {
  await using mailer = await Mailer.start()
  await send(
    `type: grpc, address: "${mailer.address}", method: mail.v1.Mailer/Send, proto: ${MAIL_PROTO}, message: {id: "{{payload.id}}"}`,
  )
  expect(mailer.metadata[0]).toMatchObject({
    'bingo-event-id': 'order%2017%2F%C3%BC',
    'bingo-message-id': MESSAGE_ID,
    'bingo-correlation-id': CORRELATION,
    traceparent: TRACEPARENT,
  })
})

test('A webhook gets the correlation as headers', async () => {
  await using receiver = await WebhookReceiver.start()
  await send(`type: webhook, url: "${receiver.url}/{{payload.id}}", allowCidrs: ["127.0.0.0/8"]`)
  const [request] = receiver.requests
  expect(request).toMatchObject({
    path: '/17',
    headers: { 'bingo-correlation-id': CORRELATION, 'bingo-causation-id': 'cause-1', traceparent: TRACEPARENT },
  })
  expect(JSON.parse(request!.body)).toMatchObject({ id: 'order 17/ü', payload: { id: 17 } })
})
