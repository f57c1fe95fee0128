import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openSagaStore } from '../../src/state/open.ts'
import type { SagaStore } from '../../src/model/saga/store.ts'
import { silentLog } from '../support/jobs.ts'
import { add, describeSagaStore, sagaInstance } from '../support/sagas/store-contract.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'

const opened: SagaStore[] = []
let databases = 0

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

async function open(url: string): Promise<SagaStore> {
  const settings = { name: 'bingo', checkpoint: 'memory:', deadLetters: undefined, log: silentLog }
  const store = await openSagaStore(settings, url)
  opened.push(store)
  return store
}

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
  ['PostgreSQL', startPostgres],
] as const)('sagas in %s', (_name, start) => {
  let server: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server.stop())

  const fresh = async (): Promise<string> => {
    const name = `sagas${++databases}`
    const create = `CREATE DATABASE ${name}`
    if ('query' in server) await server.query(create)
    else {
      const admin = new pg.Client({ connectionString: server.url })
      await admin.connect()
      await admin.query(create)
      await admin.end()
    }
    const url = new URL(server.url)
    url.pathname = `/${name}`
    return url.href
  }

  describeSagaStore(async () => {
    const url = await fresh()
    return () => open(url)
  })

  test('two that start one saga at a time: one of them does', async () => {
    const url = await fresh()
    const stores = [await open(url), await open(url)]
    await Promise.all(stores.map((store) => store.nextDue()))
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
    const answers = await Promise.all(
      keys.flatMap((key) => stores.map(async (store) => (await add(store, sagaInstance(key)))[0])),
    )
    expect(answers.filter((isSaved) => isSaved)).toHaveLength(50)
    expect((await stores[0]!.counts())[0]!.count).toBe(50)
  })
})

test('a server that is not there is told, and may be there later', async () => {
  const store = await open('mysql://root@127.0.0.1:1/sagas')
  await expect(store.nextDue()).rejects.toMatchObject({ code: 'BINGO_SAGA_STORE_UNREACHABLE', retryable: true })
})
