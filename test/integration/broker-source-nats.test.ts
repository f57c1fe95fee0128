import { setTimeout as delay } from 'node:timers/promises'
import type { ConsumerAPI, StreamConfig } from '@nats-io/jetstream'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { dialNats, jetstreamOf, newHeaders } from '../../src/clients/nats/nats.ts'
import { brokerDaemon, listOf, rewrite, started } from '../support/broker-daemon.ts'
import { besides, eventually } from '../support/daemon.ts'
import type { LogLine } from '../support/process-log.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import type { TestServer } from '../support/servers/test-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { bingo } from './cli-process.ts'

let redis: RedisServer
let nats: TestServer

beforeAll(async () => {
  ;[redis, nats] = await Promise.all([startRedis(), startNats()])
})
afterAll(() => Promise.all([redis.stop(), nats.stop()]))
beforeEach(() => redis.cli('FLUSHALL'))

const RULES = `rules:
  - {id: seen, on: "**", actions: [{type: redis, cmd: RPUSH, key: "seen:{{key}}", value: "{{payload.n}}"}]}
  - {id: gaps, events: [GAP], actions: [{type: redis, cmd: RPUSH, key: gaps, value: "{{new.reason}}"}]}
`
let streams = 0

async function withClient<T>(work: (client: Awaited<ReturnType<typeof dialNats>>) => Promise<T>): Promise<T> {
  const client = await dialNats({ servers: `127.0.0.1:${nats.port}` })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

async function newStream(config: Partial<StreamConfig> = {}): Promise<string> {
  const name = `S${++streams}`
  await withClient(async (client) => {
    const manager = await jetstreamOf(client).jetstreamManager()
    await manager.streams.add({ name, subjects: [`${name}.>`], ...config })
  })
  return name
}

const publish = (stream: string, first: number, count: number) =>
  withClient(async (client) => {
    for (let n = first; n < first + count; n++) {
      const headers = newHeaders()
      headers.set('key', `k${n % 3}`)
      await jetstreamOf(client).publish(`${stream}.orders.${n % 3}`, JSON.stringify({ n }), { headers })
    }
  })
const entry = (stream: string, more = ''): string =>
  `{name: orders, type: nats, url: "${nats.url}", stream: ${stream}, subjects: ["${stream}.orders.>"], durable: bingo, format: json, from: earliest${more}}`
const seen = async (key: string): Promise<readonly number[]> => (await listOf(redis, `seen:${key}`)).map(Number)
const allSeen = async (): Promise<readonly number[]> => (await Promise.all(['k0', 'k1', 'k2'].map(seen))).flat()

const isUnacknowledged = ({ msg }: LogLine): boolean => msg.startsWith('messages could not be acknowledged')

async function expectOrder(count: number): Promise<void> {
  for (let key = 0; key < 3; key++) {
    const wanted = Array.from({ length: count }, (_, n) => n).filter((n) => n % 3 === key)
    expect([...new Set(await seen(`k${key}`))]).toEqual(wanted)
  }
}

test.each(['limits', 'workqueue', 'interest'] as const)(
  'a stream with %s retention: no message is lost and each key keeps its order while the daemon and the server are killed',
  async (retention) => {
    const stream = await newStream({ retention })
    await using daemon = await started(await brokerDaemon(entry(stream), RULES, redis))
    await publish(stream, 0, 300)
    await daemon.stop('SIGKILL')
    await publish(stream, 300, 300)
    await started(daemon)
    await nats.kill()
    await delay(300)
    await nats.restart()
    await publish(stream, 600, 60)
    await eventually('all are seen', async () => new Set(await allSeen()).size === 660)
    await expectOrder(660)
    expect(await daemon.stop()).toBe(0)
    expect(daemon.said(isUnacknowledged)).toEqual([])
    const before = (await allSeen()).length
    await started(daemon)
    await publish(stream, 660, 1)
    await eventually('the next one comes', async () => (await seen('k0')).includes(660))
    expect((await allSeen()).length).toBe(before + 1)
  },
)

test('a message that cannot be read is a dead letter with its bytes, and those behind it go on', async () => {
  const stream = await newStream()
  await using daemon = await started(await brokerDaemon(entry(stream), RULES, redis))
  await withClient((client) => jetstreamOf(client).publish(`${stream}.orders.x`, '{"n":'))
  await publish(stream, 0, 1)
  await eventually('the next one comes', async () => (await seen('k0')).length === 1)
  await daemon.shows('bingo_dead_letters', 1)
  const letters = await bingo(['dead-letters', 'list', '--json'], { env: besides(daemon) })
  expect(letters.stdout).toContain(Buffer.from('{"n":').toString('base64'))
})

test('messages that were purged before they were read stop the daemon with words, and are a GAP event where it may go on', async () => {
  const stream = await newStream()
  await using daemon = await started(await brokerDaemon(entry(stream), RULES, redis))
  await publish(stream, 0, 6)
  await eventually('all are seen', async () => (await allSeen()).length === 6)
  expect(await daemon.stop()).toBe(0)
  await publish(stream, 6, 6)
  const purge = (seq: number) =>
    withClient(async (client) => {
      const manager = await jetstreamOf(client).jetstreamManager()
      await manager.streams.purge(stream, { seq })
    })
  await purge(11)
  daemon.spawn()
  expect(await daemon.ended()).toBe(3)
  await rewrite(daemon, entry(stream, ', onGap: earliest'))
  await started(daemon)
  await eventually('what is left is read', async () => (await allSeen()).length === 8)
  await eventually('the gap is told', async () => (await listOf(redis, 'gaps')).length === 1)
  expect((await listOf(redis, 'gaps'))[0]).toContain('messages 7 to 10 were removed')
})

/** Notes what comes, and answers it when `hold` says so. */
async function receiverThat(hold: (n: number) => Promise<unknown> | null): Promise<WebhookReceiver> {
  const receiver = await WebhookReceiver.start()
  receiver.answer = (body, response) => {
    const held = hold((JSON.parse(body) as { n: number }).n)
    if (held === null) return 204
    void held.then(() => response.writeHead(204).end())
    return undefined
  }
  return receiver
}
const rulesTo = ({ url }: WebhookReceiver): string => `rules:
  - {id: seen, on: "**", actions: [{type: webhook, url: "${url}", body: {n: "{{payload.n}}"}}]}
`
const received = ({ requests }: WebhookReceiver): readonly number[] =>
  requests.map(({ body }) => (JSON.parse(body) as { n: number }).n)

test('messages that the server delivers again while they are in flight are neither repeated nor out of order', async () => {
  const stream = await newStream()
  await withClient(async (client) => {
    const manager = await jetstreamOf(client).jetstreamManager()
    const filter_subjects = [`${stream}.orders.>`]
    await manager.consumers.add(stream, {
      durable_name: 'bingo',
      ack_policy: 'explicit',
      ack_wait: 1e9,
      filter_subjects,
    })
  })
  await using receiver = await receiverThat((n) => (n < 3 ? delay(4_000) : null))
  await using _daemon = await started(await brokerDaemon(entry(stream), rulesTo(receiver), redis))
  await publish(stream, 0, 60)
  const deliveries = () =>
    withClient(async (client) => {
      const manager = await jetstreamOf(client).jetstreamManager()
      const { delivered, num_ack_pending: open } = await manager.consumers.info(stream, 'bingo')
      return { count: delivered.consumer_seq, open }
    })
  await eventually('all are received and acknowledged', async () => {
    return received(receiver).length >= 60 && (await deliveries()).open === 0
  })
  expect((await deliveries()).count).toBeGreaterThan(60)
  for (let key = 0; key < 3; key++) {
    const wanted = Array.from({ length: 60 }, (_, n) => n).filter((n) => n % 3 === key)
    expect(received(receiver).filter((n) => n % 3 === key)).toEqual(wanted)
  }
})

test.each(['limits', 'workqueue'] as const)(
  'a consumer of a stream with %s retention that is deleted while messages are in flight is made again, and none is lost over a kill',
  async (retention) => {
    const stream = await newStream({ retention })
    const released = Promise.withResolvers<void>()
    await using receiver = await receiverThat(() => released.promise)
    await using daemon = await started(await brokerDaemon(entry(stream), rulesTo(receiver), redis))
    await publish(stream, 0, 30)
    await eventually('three are in flight', () => Promise.resolve(receiver.requests.length === 3))
    const withConsumers = <T>(work: (api: ConsumerAPI) => Promise<T>): Promise<T> =>
      withClient(async (client) => work((await jetstreamOf(client).jetstreamManager()).consumers))
    await withConsumers((consumers) => consumers.delete(stream, 'bingo'))
    await eventually('the consumer is there again', () =>
      withConsumers((consumers) => consumers.info(stream, 'bingo')).then(
        () => true,
        () => false,
      ),
    )
    await daemon.stop('SIGKILL')
    released.resolve()
    await started(daemon)
    await eventually('all have come', () => Promise.resolve(new Set(received(receiver)).size === 30))
  },
)

test('a second instance waits while the first one reads, however slow its actions are, and takes over when it is killed', async () => {
  const stream = await newStream()
  await using receiver = await receiverThat(() => delay(30))
  const rules = rulesTo(receiver)
  await using first = await started(await brokerDaemon(entry(stream), rules, redis, { BINGO_NAME: 'one' }))
  await using second = await started(await brokerDaemon(entry(stream), rules, redis, { BINGO_NAME: 'two' }))
  await publish(stream, 0, 300)
  await eventually('all are received', () => Promise.resolve(new Set(received(receiver)).size === 300))
  expect(received(receiver).length).toBe(300)
  await second.says(({ msg }) => msg.startsWith('another instance reads'))
  await first.stop('SIGKILL')
  await publish(stream, 300, 30)
  await eventually('the second has taken over', () => Promise.resolve(new Set(received(receiver)).size === 330))
})

const unacknowledged = (stream: string): Promise<number> =>
  withClient(async (client) => {
    const manager = await jetstreamOf(client).jetstreamManager()
    return (await manager.consumers.info(stream, 'bingo')).num_ack_pending
  })

test.each([
  ['what ends during a clean stop is acknowledged on another connection where the first one was cut', true],
  ['a stop during which the server stays unreachable says that messages are delivered again', false],
])('%s', async (_, isBack) => {
  const stream = await newStream()
  await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: nats.port })
  const released = Promise.withResolvers<void>()
  await using receiver = await receiverThat(() => released.promise)
  const ofProxy = entry(stream).replace(nats.url, `nats://127.0.0.1:${proxy.port}`)
  await using daemon = await started(await brokerDaemon(ofProxy, rulesTo(receiver), redis))
  await publish(stream, 0, 3)
  await eventually('three are in flight', () => Promise.resolve(receiver.requests.length === 3))
  const stopped = daemon.stop()
  await daemon.says(({ msg }) => msg.startsWith('stopping'))
  if (!isBack) proxy.repoint({ host: '127.0.0.1', port: 1 })
  proxy.cut()
  released.resolve()
  expect(await stopped).toBe(0)
  expect(await unacknowledged(stream)).toBe(isBack ? 0 : 3)
  expect(daemon.said(isUnacknowledged)).toHaveLength(isBack ? 0 : 1)
})
