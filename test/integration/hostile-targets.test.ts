import { createServer as createHttp2Server } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { openRedis } from '../../src/clients/redis/redis.ts'
import type { DeliveryFailure } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { MAIL_PROTO } from '../support/grpc-server.ts'
import { HostileServer } from '../support/hostile-server.ts'
import { silentLog } from '../support/jobs.ts'
import { pour } from '../support/raw-answers.ts'
import { TargetSender } from '../support/target-sender.ts'
import { compile } from '../unit/targets/action-spec.ts'

const MIB = 1024 * 1024
const CHUNK = Buffer.alloc(MIB, 'x')
const TIMEOUT_MS = 2_000
/** What garbage a few chunks and a client make; every answer below claims, or has, more than ten times that. */
const MOST_GROWTH_BYTES = 200 * MIB

/** Sends this, and then bytes for as long as anybody reads them. */
function flood(start: string | Buffer): (socket: Socket) => void {
  return (socket) => {
    socket.write(start)
    pour(socket, CHUNK)
  }
}

interface Outcome {
  readonly failure: DeliveryFailure | null
  /** Most memory beyond that of before, looked at every few milliseconds. */
  readonly growth: number
}

/** One event through a target of its own. The process has to outlive it: what nobody catches fails the test run. */
async function attempt(fields: object): Promise<Outcome> {
  const { plan, type, problems } = compile(fields as Parameters<typeof compile>[0], { timeoutMs: TIMEOUT_MS })
  expect(problems).toEqual([])
  const before = process.memoryUsage().rss
  let growth = 0
  const look = setInterval(() => (growth = Math.max(growth, process.memoryUsage().rss - before)), 5)
  try {
    const open = (target: ActionPlan['target']) => type.open(target, { log: silentLog, now: Date.now })
    await using sender = new TargetSender(plan, await open(plan.target))
    return { failure: await sender.failure(), growth }
  } finally {
    clearInterval(look)
  }
}

function expectRefused({ failure, growth }: Outcome, code: string, what = ''): void {
  expect(failure).toMatchObject({ kind: 'down', error: { code } })
  expect(`${failure?.error.message} ${failure?.error.hint}`).toContain(what)
  expect(growth).toBeLessThan(MOST_GROWTH_BYTES)
}

describe('Redis', () => {
  /** Becomes ready, and answers the command of the action with this. */
  const redis = (answer: (socket: Socket) => void): Promise<HostileServer> =>
    HostileServer.start((socket, bytes) => {
      for (const [, command] of bytes.toString('latin1').matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        if (/^info$/i.test(command!)) socket.write('$19\r\nredis_version:7.0.0\r\n')
        else if (/^set$/i.test(command!)) answer(socket)
        else socket.write('+OK\r\n')
      }
    })

  test.each<[string, (socket: Socket) => void, string]>([
    ['a value of 2 GiB', flood('$2147483648\r\n'), 'a value of 2147483648'],
    ['a line without end', flood('+'), 'a line of more than'],
    ['an array that claims 2^31 - 1', (socket) => socket.write('*2147483647\r\n'), 'a reply of 2147483647 elements'],
    ['arrays in arrays', (socket) => pour(socket, Buffer.from('*30000000\r\n'.repeat(1_000))), 'elements'],
    ['arrays of one, without end', (socket) => pour(socket, Buffer.from('*1\r\n'.repeat(10_000))), 'levels'],
    ['another protocol', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), 'not a valid reply'],
  ])('that answers with %s is down', async (_, answer, what) => {
    await using server = await redis(answer)
    const url = `redis://${server.host}:${server.port}`
    expectRefused(await attempt({ type: 'redis', url, cmd: 'SET', key: 'a', value: 'x' }), 'BINGO_REDIS_UNREACHABLE')
    const connection = openRedis(url, { log: silentLog, name: 'hostile' })
    try {
      await connection.whenReady(5_000)
      await connection.client.set('a', 'x').catch(() => undefined)
      expect(connection.lastError?.message).toContain(what)
    } finally {
      await connection.close()
    }
  })
})

describe('Kafka', () => {
  test.each<[string, number]>([
    ['2^31 - 1 bytes', 0x7fff_ffff],
    ['fewer than none', -5],
  ])('that answers with a response of %s is down', async (_, length) => {
    const claim = Buffer.alloc(4)
    claim.writeInt32BE(length)
    await using server = await HostileServer.start(flood(claim))
    const brokers = [`${server.host}:${server.port}`]
    expectRefused(await attempt({ type: 'kafka', brokers, topic: 't', key: '1' }), 'BINGO_KAFKA_UNREACHABLE')
  })
})

describe('RabbitMQ', () => {
  test.each([0xffff_ffff, 0x4000_0000, 2 * MIB])('that sends a frame of %i bytes is down', async (size) => {
    const header = Buffer.from([1, 0, 0, 0, 0, 0, 0])
    header.writeUInt32BE(size, 3)
    await using server = await HostileServer.start(flood(header))
    const url = `amqp://${server.host}:${server.port}`
    const outcome = await attempt({ type: 'rabbitmq', url, exchange: 'e', routingKey: 'r' })
    expectRefused(outcome, 'BINGO_RABBITMQ_UNREACHABLE', `it sent a frame of ${size} bytes`)
  })
})

describe('NATS', () => {
  const INFO = 'INFO {"server_id":"x","version":"2.10.0","proto":1,"max_payload":1048576,"headers":true}\r\n'

  test.each<[string, string]>([
    ['a message of 2 GB', 'MSG _INBOX.x 1 2000000000\r\n'],
    ['a message of 2 GB with headers', 'HMSG _INBOX.x 1 12 2000000000\r\n'],
    ['a message of no size', 'MSG _INBOX.x 1 many\r\n'],
    ['a line without end', 'MSG '],
  ])('that sends %s is down', async (_, start) => {
    await using server = await HostileServer.start(
      (socket, bytes) => {
        const text = bytes.toString('latin1')
        if (text.includes('PING')) socket.write('PONG\r\n')
        if (/PUB /.test(text)) flood(start)(socket)
      },
      (socket) => void socket.write(INFO),
    )
    const url = `nats://${server.host}:${server.port}`
    expectRefused(await attempt({ type: 'nats', url, subject: 's' }), 'BINGO_NATS_UNREACHABLE')
  })

  test('that greets with a line without end is down', async () => {
    await using server = await HostileServer.start(() => undefined, flood('INFO {"a":"'))
    const url = `nats://${server.host}:${server.port}`
    expectRefused(await attempt({ type: 'nats', url, subject: 's' }), 'BINGO_NATS_UNREACHABLE')
  })
})

describe('gRPC', () => {
  const start = async (answer: (stream: ServerHttp2Stream) => void) => {
    const server = createHttp2Server()
    server.on('stream', (stream) => {
      stream.on('error', () => undefined)
      answer(stream)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    return { address, [Symbol.asyncDispose]: async () => void server.close() }
  }

  test.each<[string, (stream: ServerHttp2Stream) => void]>([
    [
      'a message that claims 2^31 - 1 bytes',
      (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
        stream.write(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]))
        for (let i = 0; i < 64; i++) stream.write(CHUNK)
      },
    ],
    [
      'headers without end',
      (stream) => {
        const headers: Record<string, string> = { ':status': '200', 'content-type': 'application/grpc' }
        for (let i = 0; i < 1_000; i++) headers[`x-${i}`] = 'y'.repeat(60)
        stream.respond(headers)
      },
    ],
  ])('that answers with %s fails that call', async (_, answer) => {
    await using server = await start(answer)
    const fields = { type: 'grpc', proto: MAIL_PROTO, method: 'mail.v1.Mailer/Send', message: { id: '{{id}}' } }
    const { failure, growth } = await attempt({ ...fields, address: server.address })
    expect(failure?.error.code).toBe('BINGO_GRPC_STATUS')
    expect(growth).toBeLessThan(MOST_GROWTH_BYTES)
  })
})
