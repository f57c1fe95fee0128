import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { KafkaPublisher } from '../support/kafka-publisher.ts'
import { readTopic, type TopicRecord } from '../support/kafka-topic.ts'
import { recipes, recipeWith, type Replacements } from '../support/recipes.ts'
import { startKafka, type KafkaNode } from '../support/servers/kafka.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'

let mysql: SqlServer
let redis: RedisServer
let kafka: KafkaNode
let publisher: KafkaPublisher

beforeAll(async () => {
  ;[mysql, redis, kafka] = await Promise.all([startMysql({ gtid: true }), startRedis(), startKafka()])
  publisher = new KafkaPublisher(kafka.port)
  await mysql.query('CREATE DATABASE shop')
  await mysql.query('CREATE TABLE shop.users (id INT PRIMARY KEY, email VARCHAR(50))')
  await mysql.query('CREATE TABLE shop.orders (id INT PRIMARY KEY, total DECIMAL(10,2))')
})
afterAll(async () => {
  await publisher?.[Symbol.asyncDispose]()
  await Promise.all([mysql?.stop(), redis?.stop(), kafka?.stop()])
})
beforeEach(() => mysql.query('DELETE FROM shop.users; DELETE FROM shop.orders'))

const brokers = (): Replacements => [
  ['kafka:9092', `127.0.0.1:${kafka.port}`],
  ['kafka-1:9092', `127.0.0.1:${kafka.port}`],
]
const start = (...ids: readonly string[]): Promise<Daemon> =>
  Daemon.start({ rules: recipes(ids, brokers()), sourceUrl: mysql.url })
const all = (topic: string, count: number): Promise<TopicRecord[]> => readTopic([kafka.url], topic, count)

/** What a record says, without what differs in each run. */
function facts({ key, value }: TopicRecord): unknown {
  if (value === undefined) return [JSON.parse(key), 'tombstone']
  const { op, before, after, source } = JSON.parse(value) as Record<string, Record<string, unknown>>
  return [JSON.parse(key), op, before, after, `${String(source!['db'])}.${String(source!['table'])}`]
}

test('each change goes to the topic of its table, and a deleted row becomes a tombstone', async () => {
  for (const topic of ['shop.users', 'shop.orders']) await publisher.make(topic)
  await using _bingo = await start('publish')
  await mysql.query("INSERT INTO shop.users VALUES (1, 'a@x'), (2, 'b@x')")
  await mysql.query('INSERT INTO shop.orders VALUES (1, 9.5)')
  await mysql.query("UPDATE shop.users SET email = 'c@x' WHERE id = 1")
  await mysql.query('DELETE FROM shop.users WHERE id = 1')
  const users = await all('shop.users', 4)
  const first = users.filter(({ key }) => key === '1')
  expect(first.map(({ value }) => value && (JSON.parse(value) as { op: string }).op)).toEqual([
    'insert',
    'update',
    undefined,
  ])
  expect(first.map(({ partition }) => partition)).toEqual(Array(3).fill(first[0]!.partition))
  const [order] = await all('shop.orders', 1)
  expect(order!.key).toBe('1')
  expect(JSON.parse(order!.value)).toMatchObject({ table: 'orders', new: { id: 1, total: '9.50' }, old: null })
})

test('topics like those of Debezium have its envelopes and keys, and what reads them drops keys of a cache', async () => {
  for (const topic of ['bingo.shop.users', 'bingo.shop.orders']) await publisher.make(topic)
  const config = recipeWith('format: debezium, from: latest', [...brokers(), ['server1.', 'bingo.']])
  await using cache = await Daemon.prepare({
    rules: recipes(['drop_user_by_email'], []),
    sourceUrl: '',
    env: { BINGO_REDIS_URL: redis.url },
  })
  const file = join(cache.folder, 'config.yaml')
  await writeFile(file, config)
  cache.spawn({ BINGO_CONFIG: file })
  await cache.ready()
  const keys = ['user:a@x', 'user:b@x', 'user:c@x', 'user:d@x']
  await redis.cli('MSET', ...keys.flatMap((key) => [key, 'cached']))

  await using _bingo = await start('as_debezium')
  await mysql.query("INSERT INTO shop.users VALUES (1, 'a@x'), (2, 'b@x'), (3, 'd@x')")
  await mysql.query('INSERT INTO shop.orders VALUES (1, 9.5)')
  await mysql.query("UPDATE shop.users SET email = 'c@x' WHERE id = 1")
  await mysql.query('DELETE FROM shop.users WHERE id = 2')

  const users = await all('bingo.shop.users', 6)
  const ofKey = (id: number) => users.filter(({ key }) => key === `{"id":${id}}`).map(facts)
  expect(ofKey(1)).toEqual([
    [{ id: 1 }, 'c', null, { id: 1, email: 'a@x' }, 'shop.users'],
    [{ id: 1 }, 'u', { id: 1, email: 'a@x' }, { id: 1, email: 'c@x' }, 'shop.users'],
  ])
  expect(ofKey(2)).toEqual([
    [{ id: 2 }, 'c', null, { id: 2, email: 'b@x' }, 'shop.users'],
    [{ id: 2 }, 'd', { id: 2, email: 'b@x' }, null, 'shop.users'],
    [{ id: 2 }, 'tombstone'],
  ])
  expect((await all('bingo.shop.orders', 1)).map(facts)).toEqual([
    [{ id: 1 }, 'c', null, { id: 1, total: '9.50' }, 'shop.orders'],
  ])
  await eventually('old and new addresses are dropped, and those that no change named stay', async () => {
    const cached = (await redis.cli('--raw', 'EXISTS', 'user:a@x', 'user:b@x', 'user:c@x')).trim()
    return cached === '0'
  })
  expect((await redis.cli('--raw', 'GET', 'user:d@x')).trim()).toBe('cached')
})
