import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/model/clock.ts'
import { GroupMember } from '../../src/sources/broker/kafka/group-member.ts'
import { brokerDaemon, listOf, rewrite, started } from '../support/broker-daemon.ts'
import { besides, eventually } from '../support/daemon.ts'
import { KafkaPublisher } from '../support/kafka-publisher.ts'
import { recordingLog, type LogLine } from '../support/recording-source.ts'
import { startKafka, type KafkaNode } from '../support/servers/kafka.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'
import { inForm } from '../support/forms.ts'

let redis: RedisServer
let kafka: KafkaNode
let publisher: KafkaPublisher
let url: string

beforeAll(async () => {
  ;[redis, kafka] = await Promise.all([startRedis(), startKafka()])
  publisher = new KafkaPublisher(kafka.port)
  url = `kafka://127.0.0.1:${kafka.port}`
})
afterAll(async () => {
  await publisher[Symbol.asyncDispose]()
  await Promise.all([redis.stop(), kafka.stop()])
})
beforeEach(() => redis.cli('FLUSHALL'))

const KILLS = inForm({ short: 1, long: 3 })
let topics = 0
const newTopic = (): string => `shop.orders${++topics}`
const RULES = `rules:
  - {id: seen, on: "**", actions: [{type: redis, cmd: RPUSH, key: "seen:{{key}}", value: "{{payload.n}}"}]}
`
const events = (topic: string, first: number, count: number, keys = 5) =>
  Array.from({ length: count }, (_, i) => {
    const n = first + i
    return { topic, key: `k${n % keys}`, value: JSON.stringify({ n }) }
  })

async function seen(key: string): Promise<readonly number[]> {
  return (await listOf(redis, `seen:${key}`)).map(Number)
}

async function allSeen(keys = 5): Promise<readonly number[]> {
  return (await Promise.all(Array.from({ length: keys }, (_, i) => seen(`k${i}`)))).flat()
}

/** First deliveries of each key are in the order published. */
async function expectOrder(count: number, keys = 5): Promise<void> {
  for (let key = 0; key < keys; key++) {
    const wanted = Array.from({ length: count }, (_, n) => n).filter((n) => n % keys === key)
    expect([...new Set(await seen(`k${key}`))]).toEqual(wanted)
  }
}

test('no event is lost and each key keeps its order while the daemon is killed, and a clean stop repeats nothing', async () => {
  const topic = newTopic()
  await publisher.make(topic)
  const entry = `{type: kafka, url: "${url}", topics: [${topic}], group: kills, format: json, from: earliest}`
  const total = KILLS * 200
  await using daemon = await started(await brokerDaemon(entry, RULES, redis))
  for (let kill = 0; kill < KILLS; kill++) {
    await publisher.publish(...events(topic, kill * 200, 200))
    await delay(700)
    await daemon.stop('SIGKILL')
    await started(daemon)
  }
  await eventually('all are seen', async () => new Set(await allSeen()).size === total)
  await expectOrder(total)
  expect(await daemon.stop()).toBe(0)
  const before = (await allSeen()).length
  const committed = await publisher.committed('kills', topic, 3)
  expect(committed).toEqual(await publisher.ends(topic))
  await started(daemon)
  await publisher.publish({ topic, key: 'k0', value: `{"n": ${total}}` })
  await eventually('the next one comes', async () => (await seen('k0')).includes(total))
  expect((await allSeen()).length).toBe(before + 1)
})

test('a record that cannot be read becomes a dead letter with its bytes, and its partition goes on', async () => {
  const topic = newTopic()
  await publisher.make(topic, 1)
  const entry = `{name: orders, type: kafka, url: "${url}", topics: [${topic}], group: poison, format: bingo, from: earliest}`
  await using daemon = await started(await brokerDaemon(entry, RULES, redis))
  const event = (n: number) => JSON.stringify({ id: `e${n}`, type: 'orders.created', key: 'a', payload: { n } })
  const broken = ['{"half":', '[1]', '{"op":"update","schema":"shop"}', '{"type":7}', '"text"']
  await publisher.publish({ topic, key: 'a', value: event(1) })
  await publisher.publish(...broken.map((value) => ({ topic, key: 'a', value })))
  await publisher.publish({ topic, key: 'a' }, { topic, key: 'a', value: event(2) })
  await eventually('those around them come', async () => (await seen('a')).length === 2)
  expect(await seen('a')).toEqual([1, 2])
  await daemon.shows('bingo_dead_letters', broken.length)
  const list = async () => (await bingo(['dead-letters', 'list', '--json'], { env: besides(daemon) })).stdout
  const letters = (await list())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { ruleId: string; event: { new: { value: string; part: string } } })
  const texts = letters.map(({ event: { new: row } }) => Buffer.from(row.value, 'base64').toString())
  expect(texts.toSorted()).toEqual(broken.toSorted())
  expect(letters.map(({ ruleId }) => ruleId)).toEqual(broken.map(() => 'source orders'))
  expect(letters[0]!.event.new.part).toBe(`${topic}/0`)
})

test('topics that appear while it runs are read whole, and partitions that are added too', async () => {
  const [first, second] = [`late.${newTopic()}`, `late.${newTopic()}`]
  await publisher.make(first, 1)
  await publisher.publish({ topic: first, key: 'old', value: '{"n": 0}' })
  const entry = `{type: kafka, url: "${url}", topics: ["late.*"], group: late, format: json, from: latest}`
  await using daemon = await started(await brokerDaemon(entry, RULES, redis))
  await publisher.publish({ topic: first, key: 'k0', value: '{"n": 1}' })
  await eventually('the known topic is read', async () => (await seen('k0')).length === 1)
  await publisher.make(second, 2)
  await publisher.publish({ topic: second, key: 'k1', value: '{"n": 2}' })
  await eventually('the new one is read', async () => (await seen('k1')).length === 1)
  expect(await seen('old')).toEqual([])
  await daemon.says({ msg: 'topics have changed' })
})

test('what was deleted before it was read stops the daemon with words, and is a GAP event where it may go on', async () => {
  const topic = newTopic()
  await publisher.make(topic, 1)
  const entry = (onGap: string) =>
    `{type: kafka, url: "${url}", topics: [${topic}], group: gaps, format: json, from: earliest, onGap: ${onGap}}`
  const rules = `${RULES}  - {id: gaps, events: [GAP], actions: [{type: redis, cmd: RPUSH, key: gaps, value: "{{new.reason}}"}]}\n`
  await using daemon = await started(await brokerDaemon(entry('stop'), rules, redis))
  await publisher.publish(...events(topic, 0, 10, 1))
  await eventually('all are seen', async () => (await seen('k0')).length === 10)
  expect(await daemon.stop()).toBe(0)
  await publisher.publish(...events(topic, 10, 10, 1))
  await publisher.trim(topic, 0, 15n)
  daemon.spawn()
  expect(await daemon.ended()).toBe(3)
  expect(daemon.output()).toContain('BINGO_BROKER_GAP')
  await rewrite(daemon, entry('earliest'))
  await started(daemon)
  await eventually('what is left is read', async () => (await seen('k0')).length === 15)
  expect((await seen('k0')).slice(10)).toEqual([15, 16, 17, 18, 19])
  await eventually('the gap is told', async () => (await listOf(redis, 'gaps')).length === 1)
  expect((await listOf(redis, 'gaps'))[0]).toContain('offsets 10 to 14 were deleted')
})

test('a broker that is down at the start, or is killed, is read once it is back', async () => {
  const topic = newTopic()
  await publisher.make(topic)
  const entry = `{type: kafka, url: "${url}", topics: [${topic}], group: outage, format: json, from: earliest}`
  await publisher.publish(...events(topic, 0, 100))
  await using daemon = await brokerDaemon(entry, RULES, redis)
  await kafka.kill()
  daemon.spawn()
  await daemon.says({ code: 'BINGO_BROKER_UNREACHABLE' })
  await kafka.restart()
  await eventually('all are seen', async () => new Set(await allSeen()).size === 100)
  await kafka.kill()
  await delay(500)
  await kafka.restart()
  await publisher.publish(...events(topic, 100, 100))
  await eventually('those behind the kill are seen', async () => new Set(await allSeen()).size === 200)
  await expectOrder(200)
})

test('partitions that move to another instance in the middle of a batch are worked on by one of them, and none is lost when it is killed', async () => {
  const topic = newTopic()
  await publisher.make(topic, 4)
  const entry = `{type: kafka, url: "${url}", topics: [${topic}], group: shared, format: json, from: earliest}`
  await using _first = await started(await brokerDaemon(entry, RULES, redis, { BINGO_NAME: 'first' }))
  await using second = await brokerDaemon(entry, RULES, redis, { BINGO_NAME: 'second' })
  let published = 0
  const publish = async (count: number): Promise<void> => {
    await publisher.publish(...events(topic, published, count, 8))
    published += count
  }
  await publish(400)
  second.spawn()
  for (let i = 0; i < 10; i++) {
    await publish(100)
    await delay(100)
  }
  await second.ready()
  await second.says({ msg: 'partitions assigned', partitions: 2 })
  await publish(200)
  const distinct = async (): Promise<number> => new Set(await allSeen(8)).size
  await eventually('all are seen', async () => (await distinct()) === published)
  // Before partitions moved, what was in flight had ended and was committed.
  expect((await allSeen(8)).length).toBe(published)
  await expectOrder(published, 8)
  await second.stop('SIGKILL')
  await publish(200)
  await eventually('the first has taken over', async () => (await distinct()) === published)
  await expectOrder(published, 8)
})

test.each([
  ['the last commit of a member that stops is repeated while it fails', 2, 7n, false],
  ['a member whose last commit cannot be made says that records are delivered again', Infinity, -1n, true],
])('%s', async (_, failures, committed, warned) => {
  const topic = newTopic()
  await publisher.make(topic, 1)
  const lines: LogLine[] = []
  const member = new GroupMember({
    connection: { clientId: 'test', bootstrapBrokers: [`127.0.0.1:${kafka.port}`], retries: 20, retryDelay: 300 },
    group: topic,
    instanceId: 'one',
    settled: () => Promise.resolve(),
    clock: systemClock,
    log: recordingLog(lines),
  })
  const join = (): Promise<boolean> =>
    member.join([topic]).then(
      () => true,
      () => false,
    )
  await eventually('the broker knows its topics and groups', join)
  let attempts = 0
  const commit = member.consumer.commit.bind(member.consumer)
  vi.spyOn(member.consumer, 'commit').mockImplementation((options) => {
    attempts += 1
    return attempts <= failures ? Promise.reject(new Error('the connection was cut')) : commit(options)
  })
  member.acknowledge(new Map([[member.leases.get(`${topic}/0`)!, '6']]))
  await member.close()
  expect(await publisher.committed(topic, topic, 1)).toEqual([committed])
  expect(lines.some(({ level }) => level === 'warn')).toBe(warned)
})
