import { Connection } from 'rabbitmq-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../../src/act/actions/rabbitmq.ts'
import type { Job, SendResult, Target } from '../../src/core/action.ts'
import { startRabbitmq } from '../support/servers/rabbitmq.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/act/action-spec.ts'

const { signal } = new AbortController()
let server: Awaited<ReturnType<typeof startRabbitmq>>
let connection: Connection
let target: Target

function jobs(overrides: object, ...ids: number[]): Job[] {
  const fields = {
    type: 'rabbitmq',
    url: server.url,
    exchange: 'shop',
    routingKey: 'users.update',
    body: { id: '{{id}}' },
  }
  const { plan, problems } = compile({ ...fields, ...overrides })
  expect(problems).toEqual([])
  return ids.map((id, seq) => jobFor(plan, { id, status: 1 }, seq))
}

async function take(count: number): Promise<{ id: number; messageId: unknown; durable: unknown; headers: unknown }[]> {
  const taken = []
  while (taken.length < count) {
    const message = await connection.basicGet({ queue: 'users', noAck: true })
    if (message === undefined) break
    const { id } = message.body as { id: number }
    taken.push({ id, messageId: message.messageId, durable: message.durable, headers: message.headers })
  }
  return taken
}

const summary = (result: SendResult) => result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)

beforeAll(async () => {
  server = await startRabbitmq()
  connection = new Connection(server.url)
  connection.on('error', () => undefined)
  await connection.exchangeDeclare({ exchange: 'shop', type: 'topic', durable: true })
  await connection.queueDeclare({ queue: 'users', durable: true })
  await connection.queueBind({ exchange: 'shop', queue: 'users', routingKey: 'users.*' })
  const [job] = jobs({}, 1)
  target = await rabbitmq.open(job!.action.target, { log: silentLog, now: Date.now })
})
afterAll(async () => {
  await target.close()
  connection.unsafeDestroy()
  await server.stop()
})

describe('a RabbitMQ target', () => {
  test('publishes persistent messages in order, with the id for the receiver to dedupe by', async () => {
    const batch = jobs({ headers: { source: 'bingo' } }, ...Array.from({ length: 200 }, (_, i) => i))
    expect(await target.send(batch, signal)).toBeUndefined()
    const taken = await take(200)
    expect(taken.map(({ id }) => id)).toEqual(batch.map((_, i) => i))
    expect(taken[7]).toMatchObject({ messageId: batch[7]!.change.id, durable: true, headers: { source: 'bingo' } })
  })

  test('a message that no queue takes is a failure, its neighbours arrive', async () => {
    const lost = jobs({ routingKey: 'orders.update' }, 2)
    const result = await target.send([...jobs({}, 1), ...lost, ...jobs({}, 3)], signal)
    expect(summary(result)).toEqual([null, 'unknown BINGO_RABBITMQ_REFUSED', null])
    expect(result?.[1]?.error.hint).toContain('Bind a queue')
    expect((await take(2)).map(({ id }) => id)).toEqual([1, 3])
  })

  test('a missing exchange holds up its own messages only', async () => {
    const result = await target.send([...jobs({ exchange: 'gone' }, 1), ...jobs({}, 2)], signal)
    expect(summary(result)).toEqual(['unknown BINGO_RABBITMQ_REFUSED', null])
    expect(await target.send(jobs({}, 3), signal)).toBeUndefined()
    expect((await take(2)).map(({ id }) => id)).toEqual([2, 3])
  })
})
