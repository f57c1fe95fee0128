import { CamelCasePlugin, Kysely, sql } from 'kysely'
import type { Generated } from 'kysely'
import { afterEach, expect, test } from 'vitest'
import { kyselyEvents, runAs } from '../../../../src/index.ts'
import type { HookPublisher, KyselyEventsOptions } from '../../../../src/index.ts'
import { BROKEN, listeningBroker, sqliteDialect } from '../../../support/hooks.ts'

interface Database {
  users: { id: Generated<number>; email: string; visits: number; photo: Uint8Array | null }
}

const databases: Kysely<Database>[] = []
afterEach(async () => {
  for (const database of databases.splice(0)) await database.destroy()
})

async function databaseOf(
  broker: HookPublisher,
  options: Partial<KyselyEventsOptions> = {},
): Promise<Kysely<Database>> {
  const database = new Kysely<Database>({
    dialect: sqliteDialect(),
    plugins: [kyselyEvents({ broker, schema: 'app', ...options }), new CamelCasePlugin()],
  })
  databases.push(database)
  await sql`CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, visits INTEGER DEFAULT 0, photo BLOB)`.execute(
    database,
  )
  return database
}

/** What an application does, and what it gets of it. */
async function work(database: Kysely<Database>): Promise<unknown[]> {
  const photo = new Uint8Array([1, 2])
  const one = await database.insertInto('users').values({ email: 'a@x', visits: 1, photo }).executeTakeFirst()
  const two = await database.insertInto('users').values({ email: 'b@x', visits: 2 }).returningAll().execute()
  const duplicate = await database
    .insertInto('users')
    .values({ email: 'b@x', visits: 3 })
    .execute()
    .catch((error: Error) => error.message)
  const updated = await database
    .updateTable('users')
    .set({ visits: 5, email: sql`lower(email)` })
    .where('id', '=', 2)
    .returning('id')
    .execute()
  const read = await database.selectFrom('users as u').select(['u.email']).orderBy('u.id').execute()
  const deleted = await database.deleteFrom('users').where('id', '>', 0).executeTakeFirst()
  return [one.insertId, two.length, duplicate, updated, read, deleted.numDeletedRows]
}
const RESULTS = [
  1n,
  1,
  expect.stringContaining('UNIQUE constraint failed'),
  [{ id: 2 }],
  [{ email: 'a@x' }, { email: 'b@x' }],
  2n,
]

test('Statements that worked are published, with the user and session of whoever asks for them', async () => {
  await using listening = await listeningBroker()
  const { broker, events } = listening
  const database = await databaseOf(broker, { operations: ['create', 'read', 'update', 'delete'] })
  expect(await runAs({ userId: '7', sessionId: 's' }, () => work(database))).toEqual(RESULTS)
  await expect.poll(() => events.length).toBe(5)
  const photo = 'AQI='
  expect(events.map(({ type, payload, key }) => [type, payload, key])).toEqual([
    [
      'app.users.create',
      { rows: [], values: [{ email: 'a@x', visits: 1, photo }], affected: 1, insertId: 1 },
      'users:1',
    ],
    [
      'app.users.create',
      {
        rows: [{ id: 2, email: 'b@x', visits: 2, photo: null }],
        values: [{ email: 'b@x', visits: 2 }],
        affected: null,
        insertId: null,
      },
      'users:2',
    ],
    ['app.users.update', { rows: [{ id: 2 }], values: [{ visits: 5 }], affected: null, insertId: null }, 'users:2'],
    [
      'app.users.read',
      { rows: [{ email: 'a@x' }, { email: 'b@x' }], values: [], affected: null, insertId: null },
      null,
    ],
    ['app.users.delete', { rows: [], values: [], affected: 2, insertId: null }, null],
  ])
  for (const event of events) expect(event).toMatchObject({ userId: '7', sessionId: 's' })
})

test('An application says of which tables it publishes, and what', async () => {
  await using listening = await listeningBroker()
  const { broker, events } = listening
  const database = await databaseOf(broker, {
    entity: (table) => (table === 'users' ? 'person' : null),
    event: ({ values }) => ({ payload: values.map(({ email }) => email), key: 'own', userId: 'u' }),
  })
  await database.insertInto('users').values({ email: 'a@x', visits: 1 }).execute()
  await database.selectFrom('users').selectAll().execute()
  await expect.poll(() => events.length).toBe(1)
  expect(events[0]).toMatchObject({ type: 'app.person.create', payload: ['a@x'], key: 'own', userId: 'u' })
})

test('Rows that are streamed are one event', async () => {
  await using listening = await listeningBroker()
  const database = await databaseOf(listening.broker, { operations: ['read', 'update'] })
  for (const email of ['a', 'b', 'c']) await database.insertInto('users').values({ email, visits: 0 }).execute()
  const seen: unknown[] = []
  for await (const row of database.selectFrom('users').select('email').stream()) seen.push(row)
  await database.updateTable('users').set({ visits: 1 }).execute()
  await expect.poll(() => listening.events.map(({ type }) => type)).toEqual(['app.users.read', 'app.users.update'])
  expect(seen).toHaveLength(3)
})

test.each(BROKEN)('A broker %s changes nothing of what statements do', async (_what, make, code) => {
  const errors: unknown[] = []
  const database = await databaseOf(await make(), { onError: (error) => errors.push(error) })
  expect(await work(database)).toEqual(RESULTS)
  const codes = [...new Set(errors.map((error) => (error as { code: string }).code))]
  expect(codes).toEqual(code === null ? [] : [code])
})

test('What an application gives the plugin may throw: statements are executed', async () => {
  await using listening = await listeningBroker()
  const fail = (): never => {
    throw new Error('from a callback')
  }
  for (const broken of [{ entity: fail }, { event: fail }, { onError: fail, event: fail }]) {
    expect(await work(await databaseOf(listening.broker, broken))).toEqual(RESULTS)
  }
  expect(listening.events).toEqual([])
})
