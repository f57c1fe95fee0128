import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BingoError, createPipeline } from '../../src/index.ts'
import type { ChangeEvent, PipelineOptions } from '../../src/index.ts'
import { Collector, Feed, group } from '../support/library.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

const RULES = 'rules: [{id: all, table: shop.users, actions: [{type: collect}]}]'

let mysql: SqlServer
let redis: Awaited<ReturnType<typeof startRedis>>
let folder: string

beforeAll(async () => {
  ;[mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis()])
  folder = await mkdtemp(join(tmpdir(), 'bingo-library-'))
  await mysql.query('CREATE DATABASE shop; CREATE TABLE shop.users (id INT PRIMARY KEY, name VARCHAR(50))')
})

afterAll(async () => {
  await Promise.all([mysql.stop(), redis.stop(), rm(folder, { recursive: true })])
})

/** `stop` resolves when the pipeline has stopped. */
async function start(options: Omit<PipelineOptions, 'rules'>) {
  const stop = new AbortController()
  const pipeline = await createPipeline({ ...options, rules: RULES })
  const running = pipeline.run(stop.signal)
  return {
    pipeline,
    stop: async () => {
      stop.abort()
      await running
    },
  }
}

function rowsOf({ messages }: Collector): unknown[] {
  return messages.map(({ body }) => (body as ChangeEvent).new)
}

test.each(['file', 'redis'])(
  'A server and an own source feed one own target, and both resume from a %s',
  async (kind) => {
    const state = kind === 'file' ? `file:${folder}/state` : redis.url
    const settings = { sourceUrl: mysql.url, collector: new Collector() }
    const open = async (feed: Feed) =>
      start({
        name: `both-${kind}`,
        sources: [{ type: 'mysql', url: settings.sourceUrl, start: 'latest' }, feed.source],
        targets: [settings.collector.type()],
        state,
      })
    const feed = new Feed()
    const first = await open(feed)
    // A server is read from its newest change on: until the connection stands, nobody knows where that is.
    await expect.poll(() => first.pipeline.stats().sources['binlog']!.position).not.toBe(null)
    await mysql.query("INSERT INTO shop.users VALUES (1, 'Ann')")
    feed.push(group(7))
    await settings.collector.got(2)
    await first.stop()
    await mysql.query("INSERT INTO shop.users VALUES (2, 'Bob')")
    const again = new Feed()
    const second = await open(again)
    again.push(group(8))
    await settings.collector.got(4)
    await second.stop()
    const rows = rowsOf(settings.collector)
    expect(rows).toHaveLength(4)
    expect(rows.slice(0, 2)).toEqual(
      expect.arrayContaining([
        { id: 1, name: 'Ann' },
        { id: 7, name: 'user 7' },
      ]),
    )
    expect(rows.slice(2)).toEqual(
      expect.arrayContaining([
        { id: 2, name: 'Bob' },
        { id: 8, name: 'user 8' },
      ]),
    )
    expect(second.pipeline.stats().sources).toMatchObject({
      binlog: { position: expect.stringContaining('gtidSet'), gaps: 0 },
      feed: { position: '{"n":8}' },
    })
    await mysql.query('DELETE FROM shop.users')
  },
)

test('Two servers can be read by one pipeline, each from its own position', async () => {
  const collector = new Collector()
  const sources = ['one', 'other'].map((name) => ({
    type: 'mysql' as const,
    name,
    url: mysql.url,
    start: 'latest',
  }))
  const options = { name: 'two', sources, targets: [collector.type()], state: `file:${folder}/two` }
  const first = await start(options)
  for (const name of ['one', 'other']) {
    await expect.poll(() => first.pipeline.stats().sources[name]!.position).not.toBe(null)
  }
  await mysql.query("INSERT INTO shop.users VALUES (3, 'Cy')")
  await collector.got(2)
  await first.stop()
  await mysql.query("INSERT INTO shop.users VALUES (4, 'Di')")
  const second = await start(options)
  await collector.got(4)
  await second.stop()
  expect(rowsOf(collector).map((row) => (row as { id: number }).id)).toEqual([3, 3, 4, 4])
})

test('A server that is added to a pipeline with dead letters is a first start, not a lost checkpoint', async () => {
  const collector = new Collector()
  const failure = { kind: 'poison', error: new BingoError('APP_FULL', 'no room') } as const
  const refusing = collector.type({ open: () => ({ send: (messages) => messages.map(() => failure) }) })
  const options = { name: 'grows', targets: [refusing], state: `file:${folder}/grows` }
  const feed = new Feed()
  const first = await start({ ...options, sources: [feed.source] })
  feed.push(group(1))
  await expect.poll(() => first.pipeline.stats().rules['all']?.deadLettersTotal).toBe(1)
  await first.stop()
  const added = { type: 'mysql', name: 'added', url: mysql.url } as const
  const second = await start({ ...options, sources: [new Feed().source, added] })
  await expect.poll(() => second.pipeline.stats().sources['added']!.position).not.toBe(null)
  await second.stop()
  const alone = await createPipeline({ ...options, rules: RULES, sources: [{ ...added, name: 'other' }] })
  await expect(alone.run()).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_LOST' })
})
