import { Admin } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import { dialNats, jetstreamOf } from '../../src/clients/nats/nats.ts'
import { openChangeLog } from '../../src/log/changes/open.ts'
import type { Log } from '../../src/model/rule/action.ts'
import { silentLog } from '../../src/model/silent-log.ts'
import type { ChangeLog } from '../../src/model/state/change-log.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRedis } from '../support/servers/redis.ts'

interface Engine {
  readonly url: string
  /** As an operator does who does not know that it is in use. */
  readonly deleteLog: () => Promise<unknown>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

async function nats(): Promise<Engine> {
  const server = await startNats()
  const deleteLog = async (): Promise<void> => {
    const connection = await dialNats({ servers: server.url.replace('nats://', '') })
    await (await jetstreamOf(connection).jetstreamManager()).streams.delete('changes')
    await connection.close()
  }
  return { url: `${server.url}/changes`, deleteLog, [Symbol.asyncDispose]: () => server.stop() }
}

async function kafka(): Promise<Engine> {
  const server = await startKafka()
  const deleteLog = async (): Promise<void> => {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [server.url] })
    await admin.deleteTopics({ topics: ['changes'] })
    await admin.close()
  }
  return { url: `kafka://${server.url}/changes`, deleteLog, [Symbol.asyncDispose]: () => server.stop() }
}

async function redis(): Promise<Engine> {
  const server = await startRedis()
  const deleteLog = () => server.cli('-n', '1', 'FLUSHDB')
  return { url: `${server.url}/1`, deleteLog, [Symbol.asyncDispose]: () => server.stop() }
}

const open = (url: string, log: Log = silentLog): Promise<ChangeLog> =>
  openChangeLog(url, { name: 'shop', shares: 1, log })
const records = (count: number) => Array.from({ length: count }, (_, i) => ({ share: 0, body: `["h",1,${i}]` }))

/** Where a worker is that has read all of them. */
async function readAll(log: ChangeLog, count: number): Promise<string> {
  let place: string | null = null
  for (let read = 0; read < count;) {
    const entries = await log.read(0, place)
    read += entries.length
    place = entries.at(-1)?.place ?? place
  }
  return place!
}

test.each([
  ['NATS', nats],
  ['Kafka', kafka],
  ['Redis', redis],
])(
  'a log in %s that was deleted is not taken for one in which nothing new is: what the reader appends would be skipped',
  async (_, start) => {
    await using engine = await start()
    const before = await open(engine.url)
    expect(await before.tail()).toEqual([])
    await before.append(records(20))
    const place = await readAll(before, 20)
    expect(await before.read(0, place)).toEqual([])
    await before.close()
    await engine.deleteLog()
    const after = await open(engine.url)
    await after.append(records(3))
    await expect(after.read(0, place)).rejects.toMatchObject({
      code: 'BINGO_SCALE_RECORDS_LOST',
      retryable: false,
      message: expect.stringContaining('has lost records of share 0'),
    })
    await after.close()
  },
)

test('a Redis that was emptied is told apart from one that failed over, and the reader says what either has lost', async () => {
  await using server = await startRedis()
  const said: [unknown, string][] = []
  const error = (fields: unknown, message: string) => void said.push([fields, message])
  const log = await open(`${server.url}/1?prefix=shop`, { ...silentLog, error } as Log)
  await log.append(records(20))
  const place = await readAll(log, 20)
  // As on a replica that lacks the last five.
  const key = 'bingo-events:{shop}'
  await server.cli('-n', '1', 'DECRBY', `${key}:share:0:number`, '5')
  await server.cli('-n', '1', 'HINCRBY', `${key}:changes`, 'appended', '-5')
  await log.append(records(3))
  expect((await log.read(0, place)).map(({ body }) => body)).toEqual(records(3).map(({ body }) => body))
  expect(said).toEqual([
    [expect.objectContaining({ code: 'BINGO_SCALE_RECORDS_LOST', records: 5 }), expect.stringContaining('failover')],
  ])
  await log.append(records(1))
  expect(said).toHaveLength(1)
  await server.cli('-n', '1', 'FLUSHDB')
  await expect(log.read(0, place)).rejects.toMatchObject({ code: 'BINGO_SCALE_RECORDS_LOST' })
  await log.append(records(30))
  expect(said).toHaveLength(2)
  expect(said[1]).toEqual([expect.anything(), expect.stringContaining('was deleted')])
  await expect(log.read(0, place)).rejects.toMatchObject({ code: 'BINGO_SCALE_RECORDS_LOST' })
  // As an earlier version has stored it.
  const old = place.split('/').slice(0, 2).join('/')
  expect(await log.read(0, old)).toHaveLength(30)
  await log.close()
})
