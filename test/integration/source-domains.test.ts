import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'

it('a replication domain that was deleted is named, with a position that loses nothing', async () => {
  await using server = await startMariadb({ version: '10.11' })
  await server.query('CREATE DATABASE shop')
  await server.query('CREATE TABLE shop.t (id INT PRIMARY KEY)')
  await using before = new RecordingSource(server.url)
  await before.caughtUp()
  const db = await server.connect()
  await db.query('SET gtid_domain_id = 5')
  await db.query('INSERT INTO shop.t VALUES (1)')
  await db.query('SET gtid_domain_id = 0')
  await db.query('INSERT INTO shop.t VALUES (2)')
  await before.waitFor(() => before.committed.length === 2)
  const checkpoint = before.checkpoint()
  await before.stop()
  await db.query('FLUSH BINARY LOGS')
  const binlogs = async (): Promise<{ Log_name: string }[]> => (await db.query('SHOW BINARY LOGS'))[0] as never
  // The server keeps a file as long as the connection that read it has not ended there.
  while ((await binlogs()).length > 1) {
    await db.query('PURGE BINARY LOGS TO ?', [(await binlogs()).at(-1)!.Log_name])
    await delay(20)
  }
  await db.query('FLUSH BINARY LOGS DELETE_DOMAIN_ID = (5)')
  await db.query('INSERT INTO shop.t VALUES (3)')
  await db.end()

  await using refused = new RecordingSource(server.url, { checkpoint, failFast: true })
  const failure = await refused.failure()
  expect(failure).toMatchObject({ code: 'BINGO_CHECKPOINT_AHEAD', message: expect.stringContaining('5-') as string })
  const place = /`bingo position set ([^`]+)`/.exec(failure.hint!)?.[1]
  expect(place).toMatch(/^0-\d+-\d+$/)
  await using again = new RecordingSource(server.url, { start: place! })
  await again.waitFor(() => again.committed.length === 1)
  expect(again.committed[0]).toMatchObject({ op: 'insert' })
})
