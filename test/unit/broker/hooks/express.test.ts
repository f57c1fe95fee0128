import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import type { Request } from 'express'
import { afterEach, expect, test } from 'vitest'
import { currentActor, expressEvents } from '../../../../src/index.ts'
import type { ExpressEventsOptions, HookPublisher } from '../../../../src/index.ts'
import { BROKEN, listeningBroker } from '../../../support/hooks.ts'

let server: Server | null = null
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

const ALL = ['create', 'read', 'update', 'delete'] as const

/** An application with orders: its users and sessions are known behind the hook. */
function appOf(broker: HookPublisher, options: Partial<ExpressEventsOptions<Request>> = {}) {
  const orders = express.Router()
  orders.post('/', (request, response) => void response.status(201).json({ id: 17, ...(request.body as object) }))
  orders.get('/:id', (request, response) => void response.json({ id: request.params.id, asked: currentActor().userId }))
  orders.patch('/:id', (_request, response) => void response.send({ id: 17, total: 5 }))
  orders.delete('/:id', (_request, response) => void response.sendStatus(204))
  orders.put('/:id', (_request, response) => void response.type('text').send('done'))
  orders.post('/bad', (_request, response) => void response.status(422).json({ error: 'no' }))
  orders.post('/crash', () => {
    throw new Error('crash')
  })
  const app = express()
  app.use(express.json())
  app.use('/orders', expressEvents<Request>({ broker, schema: 'shop', entity: 'order', operations: ALL, ...options }))
  app.use((request, _response, next) => {
    Object.assign(request, { user: { id: 7 }, sessionID: 'session-1' })
    next()
  })
  app.use('/orders', orders)
  app.use((_error: unknown, _request: unknown, response: express.Response, _next: unknown) => {
    response.status(500).json({ error: 'crash' })
  })
  return app
}

async function listen(app: express.Express): Promise<(method: string, path: string, body?: object) => Promise<string>> {
  const started = await new Promise<Server>((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening))
  })
  server = started
  const { port } = started.address() as AddressInfo
  return async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { 'content-type': 'application/json', connection: 'close' },
      ...(body && { body: JSON.stringify(body) }),
    })
    return `${response.status} ${await response.text()}`
  }
}

const REQUESTS = [
  ['POST', '/orders', { total: 3 }],
  ['GET', '/orders/17'],
  ['PATCH', '/orders/17', {}],
  ['PUT', '/orders/17', {}],
  ['DELETE', '/orders/17'],
  ['POST', '/orders/bad', {}],
  ['POST', '/orders/crash', {}],
  ['GET', '/elsewhere'],
] as const
const ANSWERS = [
  '201 {"id":17,"total":3}',
  '200 {"id":"17","asked":"7"}',
  '200 {"id":17,"total":5}',
  '200 done',
  '204 ',
  '422 {"error":"no"}',
  '500 {"error":"crash"}',
  expect.stringContaining('404'),
]

async function answersOf(app: express.Express): Promise<string[]> {
  const request = await listen(app)
  const answers: string[] = []
  for (const [method, path, body] of REQUESTS) answers.push(await request(method, path, body))
  return answers
}

test('Requests that worked are published with their answers, with user and session', async () => {
  await using listening = await listeningBroker()
  const { broker, events } = listening
  expect(await answersOf(appOf(broker))).toEqual(ANSWERS)
  await expect.poll(() => events.length).toBe(5)
  expect(events.map(({ type, payload, key }) => [type, payload, key])).toEqual([
    ['shop.order.create', { id: 17, total: 3 }, 'order:17'],
    ['shop.order.read', { id: '17', asked: '7' }, 'order:17'],
    ['shop.order.update', { id: 17, total: 5 }, 'order:17'],
    ['shop.order.update', { id: '17' }, 'order:17'],
    ['shop.order.delete', { id: '17' }, 'order:17'],
  ])
  for (const event of events) expect(event).toMatchObject({ userId: '7', sessionId: 'session-1', source: 'app' })
})

test('An application says which operations it publishes, as what, and for whom', async () => {
  await using listening = await listeningBroker()
  const { broker, events } = listening
  const app = appOf(broker, {
    operations: undefined,
    operation: (request) => (request.path.endsWith('/17') ? 'update' : null),
    event: (request, _response, body) => ({
      payload: { path: request.originalUrl, body },
      key: 'own',
      source: 'frontend',
    }),
    actor: () => ({ userId: 'u', accountId: 'a' }),
  })
  const request = await listen(app)
  await request('POST', '/orders', {})
  await request('GET', '/orders/17')
  await expect.poll(() => events.length).toBe(1)
  expect(events[0]).toMatchObject({
    type: 'shop.order.update',
    payload: { path: '/orders/17', body: { id: '17' } },
    key: 'own',
    source: 'frontend',
    userId: 'u',
    accountId: 'a',
    sessionId: null,
  })
})

test.each(BROKEN)('A broker %s changes nothing of what an application answers', async (_what, make, code) => {
  const errors: unknown[] = []
  const app = appOf(await make(), { onError: (error) => errors.push(error) })
  expect(await answersOf(app)).toEqual(ANSWERS)
  const codes = [...new Set(errors.map((error) => (error as { code: string }).code))]
  await expect.poll(() => codes).toEqual(code === null ? [] : [code])
})

test('What an application gives the hook may throw: requests are answered', async () => {
  await using listening = await listeningBroker()
  const fail = (): never => {
    throw new Error('from a callback')
  }
  for (const broken of [{ operation: fail }, { event: fail }, { actor: fail }, { onError: fail, event: fail }]) {
    const answers = await answersOf(appOf(listening.broker, broken))
    server?.closeAllConnections()
    server?.close()
    expect(answers.slice(2)).toEqual(ANSWERS.slice(2))
  }
  expect(listening.events).toEqual([])
})

test('A hook of which too many events are pending drops further ones, and says so', async () => {
  const codes: string[] = []
  const onError = (error: unknown): void => void codes.push((error as { code: string }).code)
  const request = await listen(appOf({ publishAsync: () => new Promise(() => undefined) }, { onError }))
  for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 52 }, () => request('PUT', '/orders/17', {})))
  expect(codes).toHaveLength(40)
  expect(new Set(codes)).toEqual(new Set(['BINGO_HOOK_BUSY']))
})
