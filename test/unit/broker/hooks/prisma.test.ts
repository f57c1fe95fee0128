import { join } from 'node:path'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { Prisma } from '@prisma/client/extension'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { barrier, prismaEvents, runAs } from '../../../../src/index.ts'
import type { HookPublisher, PrismaEventsOptions } from '../../../../src/index.ts'
import { commandHeaders } from '../../../support/barrier-contract.ts'
import { BROKEN, listeningBroker } from '../../../support/hooks.ts'
import { generatePrisma } from '../../../support/prisma-client.ts'
import type { GeneratedPrisma } from '../../../support/prisma-client.ts'

const MODELS = `
model BlogPost {
  id        Int      @id @default(autoincrement())
  title     String   @unique
  views     BigInt   @default(0)
  price     Decimal  @default(1)
  createdAt DateTime @default(now())
  photo     Bytes?
}`

/** What this test uses of the client that Prisma generates. */
interface Client {
  readonly blogPost: { readonly [method: string]: (args?: object) => Promise<never> }
  $extends(extension: ReturnType<typeof prismaEvents>): Client
  $executeRawUnsafe(sql: string): Promise<number>
  $transaction<T>(work: (transaction: Client) => Promise<T>): Promise<T>
  $disconnect(): Promise<void>
}

let generated: GeneratedPrisma<Client>
const clients: Client[] = []

beforeAll(async () => {
  generated = await generatePrisma('sqlite', MODELS)
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.$disconnect()
})
afterAll(() => generated[Symbol.asyncDispose]())

async function clientOf(broker: HookPublisher, options: Partial<PrismaEventsOptions> = {}): Promise<Client> {
  const path = join(generated.folder, `${crypto.randomUUID()}.db`)
  const client = new generated.PrismaClient({ adapter: new PrismaLibSql({ url: `file:${path}` }) })
  clients.push(client)
  await client.$executeRawUnsafe(
    'CREATE TABLE BlogPost (id INTEGER PRIMARY KEY, title TEXT UNIQUE NOT NULL, views BIGINT NOT NULL DEFAULT 0, price DECIMAL NOT NULL DEFAULT 1, createdAt DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, photo BLOB)',
  )
  return client.$extends(prismaEvents({ broker, schema: 'blog', ...options }))
}

const CREATED = '2026-11-28T10:00:00.000Z'

/** What an application does, and what it gets of it. */
async function work({ blogPost }: Client): Promise<unknown[]> {
  const data = {
    title: 'a',
    views: 4503599627370497n,
    price: '1.50',
    createdAt: CREATED,
    photo: new Uint8Array([1, 2]),
  }
  const one: { id: number } = await blogPost['create']!({ data })
  const duplicate = await blogPost['create']!({ data }).catch((error: { readonly code: string }) => error.code)
  const many: { count: number } = await blogPost['createMany']!({ data: [{ title: 'b' }, { title: 'c' }] })
  const updated: { title: string } = await blogPost['update']!({
    where: { id: 1 },
    data: { title: 'd' },
    select: { id: true, title: true },
  })
  const upserted: { id: number } = await blogPost['upsert']!({
    where: { title: 'e' },
    create: { title: 'e' },
    update: {},
    select: { id: true },
  })
  const count: number = await blogPost['count']!()
  const found: unknown = await blogPost['findUnique']!({ where: { id: 99 } })
  const deleted: { count: number } = await blogPost['deleteMany']!()
  return [one.id, duplicate, many.count, updated.title, upserted.id, count, found, deleted.count]
}
const RESULTS = [1, 'P2002', 2, 'd', 4, 4, null, 4]

test('Operations that worked are published, with the user and session of whoever asks for them', async () => {
  await using listening = await listeningBroker()
  const { broker, events } = listening
  const client = await clientOf(broker, { operations: ['create', 'read', 'update', 'delete'] })
  expect(await runAs({ userId: '7', sessionId: 's' }, () => work(client))).toEqual(RESULTS)
  await expect.poll(() => events.length).toBe(7)
  expect(events.map(({ type, payload, key }) => [type, payload, key])).toEqual([
    [
      'blog.blogPost.create',
      {
        method: 'create',
        result: { id: 1, title: 'a', views: 4503599627370497, price: '1.5', createdAt: CREATED, photo: 'AQI=' },
      },
      'blogPost:1',
    ],
    ['blog.blogPost.create', { method: 'createMany', result: { count: 2 } }, null],
    ['blog.blogPost.update', { method: 'update', result: { id: 1, title: 'd' } }, 'blogPost:1'],
    ['blog.blogPost.update', { method: 'upsert', result: { id: 4 } }, 'blogPost:4'],
    ['blog.blogPost.read', { method: 'count', result: 4 }, null],
    ['blog.blogPost.read', { method: 'findUnique', result: null }, null],
    ['blog.blogPost.delete', { method: 'deleteMany', result: { count: 4 } }, null],
  ])
  for (const event of events) expect(event).toMatchObject({ userId: '7', sessionId: 's' })
})

test('An application says of which models it publishes, and what; operations inside of transactions are published too', async () => {
  await using listening = await listeningBroker()
  const { broker, events } = listening
  const client = await clientOf(broker, {
    entity: (model) => (model === 'BlogPost' ? 'post' : null),
    event: ({ method, args }) => ({ payload: { method, args }, key: 'own', userId: 'u' }),
  })
  await client.$transaction(({ blogPost }) => blogPost['create']!({ data: { title: 'x' } }))
  await client.blogPost['findMany']!()
  await expect.poll(() => events.length).toBe(1)
  expect(events[0]).toMatchObject({
    type: 'blog.post.create',
    payload: { method: 'create', args: { data: { title: 'x' } } },
    key: 'own',
    userId: 'u',
  })
})

test.each(BROKEN)('A broker %s changes nothing of what operations do', async (_what, make, code) => {
  const errors: unknown[] = []
  const client = await clientOf(await make(), { onError: (error) => errors.push(error) })
  expect(await work(client)).toEqual(RESULTS)
  const codes = [...new Set(errors.map((error) => (error as { code: string }).code))]
  expect(codes).toEqual(code === null ? [] : [code])
})

test('What an application gives the extension may throw: operations are executed', async () => {
  await using listening = await listeningBroker()
  const fail = (): never => {
    throw new Error('from a callback')
  }
  for (const broken of [{ entity: fail }, { event: fail }, { onError: fail, event: fail }]) {
    expect(await work(await clientOf(listening.broker, broken))).toEqual(RESULTS)
  }
  expect(listening.events).toEqual([])
})

test("A saga's commands are noted in the transactions of Prisma, which say themselves what database they are of", async () => {
  await using listening = await listeningBroker()
  const client = await clientOf(listening.broker)
  await client.$executeRawUnsafe(
    `CREATE TABLE saga_barrier (saga TEXT, step TEXT, op TEXT, noted_by TEXT, received_at TEXT, result TEXT,
      PRIMARY KEY (saga, step, op))`,
  )
  const send = (operation: 'do' | 'undo') =>
    client.$transaction((tx) => barrier(tx, commandHeaders(operation), ({ done }) => ({ operation, done })))
  expect(await send('do')).toMatchObject({ outcome: 'first' })
  expect(await send('do')).toEqual({ outcome: 'repeated', result: { operation: 'do', done: null } })
  expect(await send('undo')).toMatchObject({ outcome: 'first', result: { done: { operation: 'do' } } })
  await expect(barrier(client, commandHeaders('do'))).rejects.toMatchObject({ code: 'BINGO_BARRIER_TRANSACTION' })
})

test('Prisma takes it for an extension', () => {
  const extension = prismaEvents({ broker: { publishAsync: () => Promise.resolve() }, schema: 'app' })
  expect(Prisma.defineExtension(extension)).toBeTypeOf('function')
})
