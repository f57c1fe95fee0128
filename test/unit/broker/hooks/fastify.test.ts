import fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { currentActor, fastifyEvents } from '../../../../src/index.ts'
import type { FastifyEventsOptions, HookPublisher } from '../../../../src/index.ts'
import { BROKEN, listeningBroker } from '../../../support/hooks.ts'

const apps: FastifyInstance[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

const ALL = ['create', 'read', 'update', 'delete'] as const

/** Orders have events, what is beside them has none. */
async function appOf(
  broker: HookPublisher,
  options: Partial<FastifyEventsOptions<FastifyRequest>> = {},
): Promise<FastifyInstance> {
  const app = fastify()
  apps.push(app)
  app.addHook('preHandler', async (request) => {
    Object.assign(request, { user: { sub: '7' }, session: { sessionId: 'session-1' } })
  })
  await app.register(
    async (orders) => {
      await orders.register(
        fastifyEvents<FastifyRequest>({ broker, schema: 'shop', entity: 'order', operations: ALL, ...options }),
      )
      orders.post('/', async (request, reply) => reply.status(201).send({ id: 17, ...(request.body as object) }))
      orders.get('/:id', async (request) => ({ ...(request.params as object), asked: currentActor().userId }))
      orders.patch('/:id', async () => ({ id: 17, total: 5 }))
      orders.delete('/:id', async (_request, reply) => reply.status(204).send())
      orders.put('/:id', async () => 'done')
      orders.post('/bad', async (_request, reply) => reply.status(422).send({ error: 'no' }))
      orders.post('/crash', async () => {
        throw new Error('crash')
      })
    },
    { prefix: '/orders' },
  )
  app.post('/elsewhere', async () => ({ id: 1 }))
  return app
}

const REQUESTS = [
  ['POST', '/orders', { total: 3 }],
  ['GET', '/orders/17', undefined],
  ['PATCH', '/orders/17', {}],
  ['PUT', '/orders/17', {}],
  ['DELETE', '/orders/17', undefined],
  ['POST', '/orders/bad', {}],
  ['POST', '/orders/crash', {}],
  ['POST', '/elsewhere', {}],
] as const
const ANSWERS = [
  '201 {"id":17,"total":3}',
  '200 {"id":"17","asked":"7"}',
  '200 {"id":17,"total":5}',
  '200 done',
  '204 ',
  '422 {"error":"no"}',
  expect.stringContaining('500'),
  '200 {"id":1}',
]

async function answersOf(app: FastifyInstance): Promise<string[]> {
  const answers: string[] = []
  for (const [method, url, body] of REQUESTS) {
    const { statusCode, payload } = await app.inject({ method, url, ...(body && { body }) })
    answers.push(`${statusCode} ${payload}`)
  }
  return answers
}

test('Requests that worked are published with their answers, with user and session, and those of other routes are not', async () => {
  await using listening = await listeningBroker()
  const { broker, events } = listening
  expect(await answersOf(await appOf(broker))).toEqual(ANSWERS)
  await expect.poll(() => events.length).toBe(5)
  expect(events.map(({ type, payload, key }) => [type, payload, key])).toEqual([
    ['shop.order.create', { id: 17, total: 3 }, 'order:17'],
    ['shop.order.read', { id: '17', asked: '7' }, 'order:17'],
    ['shop.order.update', { id: 17, total: 5 }, 'order:17'],
    ['shop.order.update', { id: '17' }, 'order:17'],
    ['shop.order.delete', { id: '17' }, 'order:17'],
  ])
  for (const event of events) expect(event).toMatchObject({ userId: '7', sessionId: 'session-1' })
})

test.each(BROKEN)('A broker %s changes nothing of what an application answers', async (_what, make, code) => {
  const errors: unknown[] = []
  const app = await appOf(await make(), { onError: (error) => errors.push(error) })
  expect(await answersOf(app)).toEqual(ANSWERS)
  const codes = [...new Set(errors.map((error) => (error as { code: string }).code))]
  expect(codes).toEqual(code === null ? [] : [code])
})

test('What an application gives the hook may throw: requests are answered', async () => {
  await using listening = await listeningBroker()
  const fail = (): never => {
    throw new Error('from a callback')
  }
  for (const broken of [{ operation: fail }, { event: fail }, { actor: fail }, { onError: fail, event: fail }]) {
    const answers = await answersOf(await appOf(listening.broker, broken))
    expect(answers.slice(2)).toEqual(ANSWERS.slice(2))
  }
  expect(listening.events).toEqual([])
})
