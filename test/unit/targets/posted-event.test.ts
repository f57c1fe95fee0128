import { describe, expect, test } from 'vitest'
import { actionTypes } from '../../../src/targets/registry.ts'
import { planRequests, Unanswered } from '../../../src/targets/webhook/requests.ts'
import type { Sendable } from '../../../src/model/rule/action.ts'
import type { ActionPlan } from '../../../src/model/rule/rule.ts'
import { messageId } from '../../../src/targets/plan/message-id.ts'
import { headerText } from '../../../src/targets/plan/trace-headers.ts'
import { posted } from '../../support/posted-events.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'
import type { PostedEvent } from '../../../src/model/event/posted/posted-event.ts'

const EVENT = posted({
  key: 'order-17',
  payload: { id: 17, total: 9.5, big: 9007199254740993n },
  context: { region: 'eu' },
  correlationId: 'chain-1',
  causationId: 'cause-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  source: 'frontend',
})
const TRACE = {
  'bingo-correlation-id': 'chain-1',
  'bingo-causation-id': 'cause-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
}

const planOf = (action: string): ActionPlan =>
  rulesFrom(`rules:\n  - id: r\n    on: "*"\n    source: [api, frontend]\n    actions: [${action}]`)[0]!.actions[0]!
const payloadOf = (action: string, event: PostedEvent = EVENT): { readonly [field: string]: unknown } =>
  planOf(action).bind(event.table)(event) as { readonly [field: string]: unknown }

const KAFKA = 'type: kafka, brokers: ["k:9092"], topic: t'
const JSON_EVENT = {
  id: 'e1',
  type: 'orders.order.create',
  source: 'frontend',
  key: 'order-17',
  payload: { id: 17, total: 9.5, big: '9007199254740993' },
  context: { region: 'eu' },
  metadata: {},
  userId: null,
  sessionId: null,
  accountId: null,
  instanceId: 'sample',
  environment: 'default',
  correlationId: 'chain-1',
  causationId: 'cause-1',
  traceparent: TRACE.traceparent,
  hops: 0,
  timestamp: '2026-11-28T10:00:00.000Z',
  deliverAt: null,
  isTest: false,
}

describe('The body of a posted event', () => {
  const bodies: readonly (readonly [type: string, action: string, field: string])[] = [
    ['webhook', 'type: webhook, url: "https://a.example/"', 'json'],
    ['kafka', KAFKA, 'value'],
    ['rabbitmq', 'type: rabbitmq, url: "amqp://r", routingKey: k', 'body'],
    ['nats', 'type: nats, url: "nats://n", subject: s', 'body'],
  ]

  test.each(bodies)('of %s is the event as it was posted', (_type, action, field) => {
    const text = payloadOf(`{${action}}`)[field] as string
    expect(JSON.parse(text)).toEqual(JSON_EVENT)
    expect(Object.keys(JSON.parse(text) as object)).toEqual(Object.keys(JSON_EVENT))
  })

  test.each(bodies)('of %s can be a CloudEvent, with the payload as data', (_type, action, field) => {
    expect(JSON.parse(payloadOf(`{${action}, format: cloudevents}`)[field] as string)).toEqual({
      specversion: '1.0',
      id: 'e1',
      source: 'frontend',
      type: 'orders.order.create',
      subject: 'order-17',
      time: '2026-11-28T10:00:00.000Z',
      correlationid: 'chain-1',
      causationid: 'cause-1',
      traceparent: TRACE.traceparent,
      datacontenttype: 'application/json',
      data: { id: 17, total: 9.5, big: '9007199254740993' },
    })
  })

  test.each(bodies)('of %s can be a message as Debezium has those of no table', (_type, action, field) => {
    const message = JSON.parse(payloadOf(`{${action}, format: debezium}`)[field] as string) as {
      readonly message: { readonly content: string }
    }
    expect(message).toMatchObject({ op: 'm', source: { name: 'frontend' }, message: { prefix: 'orders.order.create' } })
    expect(Buffer.from(message.message.content, 'base64').toString()).toBe(
      '{"id":17,"total":9.5,"big":"9007199254740993"}',
    )
  })

  test('of a log is a line of JSON, and a source that is no URI reference is encoded in a CloudEvent', () => {
    expect(JSON.parse(planOf('{type: log}').bind(EVENT.table)(EVENT) as string)).toEqual(JSON_EVENT)
    const spaced = posted({ source: 'shop front', key: null })
    const text = payloadOf('{type: webhook, url: "https://a.example/", format: cloudevents}', spaced)['json'] as string
    expect(JSON.parse(text)).toMatchObject({ source: 'shop%20front', correlationid: 'e1' })
    expect(JSON.parse(text)).not.toHaveProperty('subject')
  })
})

describe('The key of a posted event', () => {
  test('is that of its record, with or without the envelope of Debezium', () => {
    expect(payloadOf(`{${KAFKA}}`)['key']).toBe('order-17')
    expect(payloadOf(`{${KAFKA}, format: debezium}`)['key']).toBe('order-17')
  })

  test('is its id where it has none, so that it goes anywhere', () => {
    expect(payloadOf(`{${KAFKA}}`, posted({ id: 'e9' }))['key']).toBe('e9')
  })
})

describe('The correlation of a posted event', () => {
  test.each([
    ['kafka', `{${KAFKA}}`, 'headers'],
    ['rabbitmq', '{type: rabbitmq, url: "amqp://r", routingKey: k}', 'headers'],
    ['nats', '{type: nats, url: "nats://n", subject: s}', 'headers'],
    ['grpc', '{type: grpc, address: "g:1", method: a.B/C, message: {}}', 'metadata'],
  ])('goes into the headers of %s', (_type, action, field) => {
    expect(payloadOf(action)[field]).toEqual(TRACE)
  })

  test('is its id where it is the first of its chain', () => {
    expect(payloadOf(`{${KAFKA}}`, posted({ id: 'e 1' }))['headers']).toEqual({ 'bingo-correlation-id': 'e%201' })
  })

  test('gives way to a header of the rule with the same name', () => {
    const headers = payloadOf(`{${KAFKA}, headers: {Traceparent: mine, "bingo-correlation-id": "{{payload.id}}"}}`)[
      'headers'
    ]
    expect(headers).toEqual({ Traceparent: 'mine', 'bingo-correlation-id': '17', 'bingo-causation-id': 'cause-1' })
  })

  test('goes into the headers of a request that holds one event, and stays out of a batch', () => {
    const action = planOf('{type: webhook, url: "https://a.example/", batch: auto, headers: {x-own: "1"}}')
    const job = (id: string): Sendable => {
      const event = posted({ ...EVENT.envelope, id, correlationId: id, timestamp: '2026-11-28T10:00:00Z' })
      return { id, key: 'k', at: 0, payload: action.bind(event.table)(event), action }
    }
    const [alone] = planRequests([job('a')], new Unanswered())
    expect(alone!.headers).toEqual([
      'bingo-correlation-id',
      'a',
      ...Object.entries(TRACE).slice(1).flat(),
      'x-own',
      '1',
    ])
    const together = planRequests([job('a'), job('b')], new Unanswered())
    expect(together.map(({ headers }) => headers)).toEqual([['x-own', '1']])
  })
})

test('Every action type takes posted events', () => {
  const actions: { readonly [type: string]: string } = {
    redis: 'cmd: SET, key: "o:{{payload.id}}", value: "{{payload}}"',
    webhook: 'url: "https://a.example/{{payload.id}}"',
    kafka: 'brokers: ["k:9092"], topic: "events.{{hex event.source}}"',
    rabbitmq: 'url: "amqp://r", routingKey: "{{type}}"',
    nats: 'url: "nats://n", subject: "events.{{payload.id}}"',
    grpc: 'address: "g:1", method: a.B/C, message: {id: "{{payload.id}}"}',
    sql: 'url: "mysql://u@h/d", statement: "INSERT INTO t VALUES (?)", params: ["{{payload.id}}"]',
    log: 'body: {id: "{{payload.id}}"}',
    event: 'event: {type: a.b}',
  }
  for (const type of actionTypes().keys()) {
    expect(() => payloadOf(`{type: ${type}, ${actions[type]}}`), type).not.toThrow()
  }
})

test('Ids of any text make message ids and headers that brokers take', () => {
  expect(messageId('order 17/ü', planOf('{type: log, id: a}'))).toBe('order%2017/%C3%BC#r#a')
  expect(headerText('order 17/ü')).toBe('order%2017%2F%C3%BC')
})
