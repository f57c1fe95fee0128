import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Target } from '../../src/model/rule/action.ts'
import { grpc } from '../../src/targets/grpc/action.ts'
import { ConnectProxy } from '../support/connect-proxy.ts'
import { MAIL_PROTO, Mailer } from '../support/grpc-server.ts'
import { silentLog } from '../support/jobs.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startNats } from '../support/servers/nats.ts'
import { RedisCluster } from '../support/servers/redis-topologies.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { startRabbitmq } from '../support/servers/rabbitmq.ts'
import { TargetSender } from '../support/target-sender.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { WebhookSender } from '../support/webhook-target.ts'
import { compile } from '../unit/targets/action-spec.ts'

/** Connections that the server has accepted so far, that of the question included. */
async function connectionsOf(server: RedisServer): Promise<number> {
  return Number(/total_connections_received:(\d+)/.exec(await server.cli('INFO', 'stats'))![1])
}

const portOf = (url: string): number => Number(new URL(url).port)
const host = '127.0.0.1'

/** Connections are older than a millisecond behind it. A timer alone counts from when the loop began its turn, and may be early. */
async function older(): Promise<void> {
  const from = performance.now()
  while (performance.now() - from <= 1) await delay(1)
}

const RUN = { name: 'test', epoch: null, window: null }

async function open(fields: { readonly type: string; readonly [name: string]: unknown }): Promise<TargetSender> {
  const { plan, type, problems } = compile(fields, { timeoutMs: 10_000 })
  expect(problems).toEqual([])
  const target: Target = await type.open(plan.target, { log: silentLog, now: Date.now, run: RUN })
  return new TargetSender(plan, target)
}

describe('a connection that is old enough is replaced, and follows a name that has moved', () => {
  test('of a webhook', async () => {
    await using before = await WebhookReceiver.start()
    await using after = await WebhookReceiver.start()
    await using name = await TcpProxy.start({ host, port: portOf(before.url) })
    const url = `http://${host}:${name.port}/x`
    await using kept = await WebhookSender.open({ url })
    await using renewed = await WebhookSender.open({ url, maxConnectionAge: 1 })
    for (const sender of [kept, renewed]) expect(await sender.send(1)).toBeUndefined()
    name.repoint({ host, port: portOf(after.url) })
    await older()
    for (const sender of [kept, renewed]) expect(await sender.send(2)).toBeUndefined()
    expect([before.requests.length, after.requests.length]).toEqual([3, 1])
  })

  test('of a gRPC target', async () => {
    await using before = await Mailer.start()
    await using after = await Mailer.start()
    await using name = await TcpProxy.start({ host, port: portOf(`http://${before.address}`) })
    const rule = { type: 'grpc', address: `${host}:${name.port}`, method: 'mail.v1.Mailer/Send', proto: MAIL_PROTO }
    const { plan } = compile({ ...rule, message: { id: '{{id}}' }, maxConnectionAge: 1 }, { timeoutMs: 10_000 })
    await using sender = new TargetSender(plan, await grpc.open(plan.target, { log: silentLog, now: Date.now }))
    expect(await sender.send(1)).toBeUndefined()
    name.repoint({ host, port: portOf(`http://${after.address}`) })
    await older()
    expect(await sender.send(2, 3)).toBeUndefined()
    expect([before.calls.length, after.calls.length]).toEqual([1, 2])
  })

  test.each([
    ['DEL', { cmd: 'DEL' }],
    ['one command', { cmd: 'SET', value: 'x' }],
    ['exactlyOnce', { cmd: 'INCRBY', exactlyOnce: true }],
  ])('of Redis, under load, with nothing lost: %s', async (_, fields) => {
    await using before = await startRedis()
    await using after = await startRedis()
    await using name = await TcpProxy.start(before)
    const rule = { type: 'redis', url: `redis://${host}:${name.port}`, key: 'k{{id}}', ...fields }
    await using kept = await open({ ...rule, maxConnectionAge: 0 })
    await using renewed = await open({ ...rule, maxConnectionAge: 1 })
    const sendAll = async (sender: TargetSender): Promise<void> => {
      await older()
      expect(await Promise.all([sender.send(1, 2), sender.send(3), sender.send(4)])).toEqual([
        undefined,
        undefined,
        undefined,
      ])
    }
    for (const sender of [kept, renewed]) await sendAll(sender)
    name.repoint(after)
    const connectionsBefore = await connectionsOf(after)
    for (const sender of [kept, renewed, kept, renewed]) await sendAll(sender)
    expect(await connectionsOf(after)).toBeGreaterThanOrEqual(connectionsBefore + 2)
    await before.kill()
    expect((await kept.failure())?.kind).toBe('down')
    await older()
    expect(await renewed.failure()).toBeNull()
  })

  test('of a Cluster of Redis', async () => {
    await using cluster = await RedisCluster.start(2)
    await using renewed = await open({
      type: 'redis',
      url: cluster.url,
      cmd: 'DEL',
      key: 'k{{id}}',
      maxConnectionAge: 1,
    })
    expect(await renewed.send(1, 2, 3, 4, 5, 6)).toBeUndefined()
    const connections = await Promise.all(cluster.nodes.map(connectionsOf))
    await older()
    expect(await renewed.send(1, 2, 3, 4, 5, 6)).toBeUndefined()
    for (const [i, node] of cluster.nodes.entries())
      expect(await connectionsOf(node)).toBeGreaterThan(connections[i]! + 1)
  })

  test('of Redis whose name has moved to nowhere: the events wait, until it is back', async () => {
    await using server = await startRedis()
    await using name = await TcpProxy.start(server)
    const rule = { type: 'redis', url: `redis://${host}:${name.port}`, cmd: 'DEL', key: 'k{{id}}', maxConnectionAge: 1 }
    await using sender = await open(rule)
    expect(await sender.failure()).toBeNull()
    name.repoint({ host, port: 1 })
    await older()
    expect(await sender.failure()).toMatchObject({ kind: 'down', error: { code: 'BINGO_REDIS_UNREACHABLE' } })
    name.repoint(server)
    await expect.poll(() => sender.failure()).toBeNull()
  })

  test('of Kafka', async () => {
    await using name = await TcpProxy.start({ host, port: 1 })
    await using server = await startKafka({ advertisedPort: name.port })
    name.repoint(server)
    const rule = { type: 'kafka', brokers: [`${host}:${name.port}`], topic: 'users', createTopics: true }
    await using kept = await open({ ...rule, maxConnectionAge: 0 })
    await using renewed = await open({ ...rule, maxConnectionAge: 1 })
    for (const sender of [kept, renewed]) expect(await sender.failure(1)).toBeNull()
    await older()
    name.repoint({ host, port: 1 })
    expect(await kept.failure(2)).toBeNull()
    expect(await renewed.failure(2)).toMatchObject({ kind: 'down', error: { code: 'BINGO_KAFKA_UNREACHABLE' } })
    name.repoint(server)
    expect(await renewed.failure(3)).toBeNull()
  })

  test('of NATS and RabbitMQ', async () => {
    const starts = [
      { start: startNats, rule: { type: 'nats', subject: 'users', jetstream: false } },
      { start: startRabbitmq, rule: { type: 'rabbitmq', exchange: 'amq.topic', routingKey: 'users' } },
    ]
    for (const { start, rule } of starts) {
      const server = await start()
      await using name = await TcpProxy.start({ host, port: server.port })
      const url = server.url.replace(String(server.port), String(name.port))
      await using sender = await open({ ...rule, url, maxConnectionAge: 1 })
      await sender.send(1)
      name.repoint({ host, port: 1 })
      await older()
      expect([rule.type, (await sender.failure(2))?.kind]).toEqual([rule.type, 'down'])
      await server.stop()
    }
  })

  test('of a SQL target', async () => {
    const server = await startMysql()
    await server.query('CREATE DATABASE audit')
    await server.query('CREATE TABLE audit.seen (connection INT)')
    const rule = { type: 'sql', url: `${server.url}/audit`, statement: 'INSERT INTO seen SELECT CONNECTION_ID()' }
    for (const maxConnectionAge of [0, 1]) {
      await using sender = await open({ ...rule, connections: 1, maxConnectionAge })
      for (const id of [1, 2, 3]) {
        expect(await sender.send(id)).toBeUndefined()
        // A connection is used again while it is younger than that.
        if (maxConnectionAge > 0) await older()
      }
    }
    expect(await server.query('SELECT COUNT(DISTINCT connection) AS n FROM audit.seen')).toMatchObject([{ n: 4 }])
    await server.stop()
  })
})

describe('a proxy for a webhook', () => {
  let proxy: ConnectProxy
  const address = (): string => `${host}:${proxy.port}`

  beforeAll(async () => {
    proxy = await ConnectProxy.start()
  })
  afterAll(() => proxy[Symbol.asyncDispose]())

  test('forwards requests to the receiver, with its own credentials', async () => {
    await using receiver = await WebhookReceiver.start()
    await using sender = await WebhookSender.open({ url: receiver.url, proxy: `http://user:pw@${address()}` })
    expect(await sender.send(1)).toBeUndefined()
    expect(proxy.asked.at(-1)).toEqual({ target: `${host}:${portOf(receiver.url)}`, login: 'Basic dXNlcjpwdw==' })
    expect(receiver.requests).toHaveLength(1)
  })

  test('that refuses or is not there makes the events wait', async () => {
    await using receiver = await WebhookReceiver.start()
    for (const refusing of [`http://${address()}`, `http://${host}:1`]) {
      await using sender = await WebhookSender.open({ url: receiver.url, proxy: refusing })
      expect(await sender.failure(1)).toMatchObject({ kind: 'down', error: { code: 'BINGO_WEBHOOK_UNREACHABLE' } })
    }
    expect(receiver.requests).toHaveLength(0)
  })

  test('is an address of HTTP, and not for hosts from data', () => {
    const problems = (fields: object) => compile({ type: 'webhook', url: 'https://h/x', ...fields }).problems
    expect(problems({ proxy: 'socks5://p:1' })[0]?.code).toBe('BINGO_RULE_WEBHOOK_PROXY')
    expect(problems({ proxy: 'http://p:1', dynamicHost: true })[0]?.code).toBe('BINGO_RULE_WEBHOOK_PROXY')
    expect(problems({ proxy: 'http://user:pw@p:3128' })).toEqual([])
  })
})
