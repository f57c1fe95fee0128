import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from 'rabbitmq-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../../src/targets/rabbitmq/action.ts'
import type { Target } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { judge } from '../fault/checker.ts'
import type { Arrival } from '../fault/checker.ts'
import { randomFrom } from '../fault/random.ts'
import { silentLog } from '../support/jobs.ts'
import { sendUntilTaken, summary } from '../support/redelivery.ts'
import { RowHistory } from '../support/row-history.ts'
import { startRabbitmq } from '../support/servers/rabbitmq.ts'
import { compile } from '../unit/targets/action-spec.ts'

/** More of them, and kills that follow each other: BINGO_TEST_KILLS=30. */
const ROUNDS = Number(process.env['BINGO_TEST_KILLS'] ?? 2)
const ROWS = 20
const BATCH = 500
const KILL_WITHIN_MS = 60

const { signal } = new AbortController()
let server: Awaited<ReturnType<typeof startRabbitmq>>
let target: Target

function plan(): ActionPlan {
  const fields = { type: 'rabbitmq', url: server.url, exchange: 'shop', routingKey: 'users.update' }
  return compile(fields, { timeoutMs: 10_000 }).plan
}

/**
 * As applications declare what they need when they connect. Here it has to be repeated: RabbitMQ 3.10, killed within
 * the seconds after a binding was made, forgets the binding at times (seen in 4 of 25 kills, without BinGo; never 3 s
 * after). Then messages come back as unroutable and wait.
 */
async function declare(): Promise<void> {
  await using connection = await connect()
  await connection.client.exchangeDeclare({ exchange: 'shop', type: 'topic', durable: true })
  await connection.client.queueDeclare({ queue: 'users', durable: true })
  await connection.client.queueBind({ exchange: 'shop', queue: 'users', routingKey: 'users.*' })
}

async function connect(): Promise<AsyncDisposable & { client: Connection }> {
  const client = new Connection({ url: server.url, retryLow: 50, retryHigh: 200 })
  client.on('error', () => undefined)
  await client.onConnect(20_000, true)
  return { client, [Symbol.asyncDispose]: async () => client.unsafeDestroy() }
}

async function takeAll(): Promise<Arrival[]> {
  await using connection = await connect()
  const channel = await connection.client.acquire()
  const arrivals: Arrival[] = []
  for (;;) {
    const message = await channel.basicGet({ queue: 'users', noAck: true })
    if (message === undefined) return arrivals
    const event = message.body as { id: string; new: { id: number; status: number } }
    arrivals.push({ key: String(event.new.id), seq: event.new.status, id: event.id })
  }
}

beforeAll(async () => {
  server = await startRabbitmq({ config: ['disk_free_limit.absolute = 900000GB'] })
  await declare()
  target = await rabbitmq.open(plan().target, { log: silentLog, now: Date.now })
})
afterAll(async () => {
  await target.close()
  await server.stop()
})

describe('a RabbitMQ broker in trouble', () => {
  test('a broker that is short of disk blocks publishing and reports why; with room again it accepts the backlog', async () => {
    const sent = new RowHistory(plan(), ROWS).next(3)
    // The first one makes the broker tell the connection that it is blocked, and is taken.
    const blocked = await target.send(sent, signal)
    expect(summary(blocked)?.at(-1)).toBe('down BINGO_RABBITMQ_UNREACHABLE')
    expect(blocked?.at(-1)?.error.message).toContain('low on disk')
    expect(new Set(summary(await target.send(sent, signal)))).toEqual(new Set(['down BINGO_RABBITMQ_UNREACHABLE']))
    await server.configure([])
    await server.kill('SIGKILL')
    await server.restart()
    await declare()
    await sendUntilTaken(target, sent)
    const arrived = await takeAll()
    expect(new Set(arrived.map(({ id }) => id))).toEqual(new Set(sent.map(({ id }) => id)))
  })

  test('a broker that is killed and restarted receives everything; nothing is lost or out of order', async () => {
    const random = randomFrom(7)
    const refusals: (string | null)[] = []
    const history = new RowHistory(plan(), ROWS)
    for (let round = 0; round < ROUNDS; round++) {
      const kind = (['in mid-send', 'idle', 'twice'] as const)[round % 3]!
      await sendUntilTaken(target, history.next(ROWS))
      const batch = history.next(BATCH)
      const underWay = kind === 'in mid-send' ? sendUntilTaken(target, batch) : Promise.resolve(0)
      if (kind === 'in mid-send') await delay(random() * KILL_WITHIN_MS)
      await server.kill('SIGKILL')
      if (kind === 'idle') refusals.push(...summary(await target.send(batch, signal))!)
      await server.restart()
      if (kind === 'twice') {
        await target.send(batch.slice(0, ROWS), signal)
        await server.kill('SIGKILL')
        await server.restart()
      }
      await declare()
      await underWay
      if (kind !== 'in mid-send') await sendUntilTaken(target, batch)
    }
    const verdict = judge(await takeAll(), history.final)
    if (ROUNDS > 2) console.log(`${ROUNDS} rounds, ${history.written} changes, ${verdict.duplicates} duplicates`)
    expect(verdict).toMatchObject({ lost: [], reordered: [], phantoms: [], changedIds: [] })
    expect(new Set(refusals)).toEqual(new Set(['down BINGO_RABBITMQ_UNREACHABLE']))
  })
})
