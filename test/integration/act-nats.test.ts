import { setTimeout as delay } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import type { JetStreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nats } from '../../src/targets/nats/action.ts'
import type { Sendable, Target } from '../../src/model/rule/action.ts'
import { sendUntilTaken, summary } from '../support/redelivery.ts'
import { eventually } from '../support/daemon.ts'
import { RowHistory } from '../support/row-history.ts'
import { startNats } from '../support/servers/nats.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { judge } from '../fault/checker.ts'
import type { Arrival } from '../fault/checker.ts'
import { randomFrom } from '../fault/random.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

/** More of them: BINGO_TEST_KILLS=30. */
const KILLS = Number(process.env['BINGO_TEST_KILLS'] ?? 4)
const KILL_WITHIN_MS = 50

const { signal } = new AbortController()
let server: Awaited<ReturnType<typeof startNats>>
let connection: NatsConnection | undefined
let manager: JetStreamManager
let target: Target

function jobs(overrides: object, ...ids: number[]): Sendable[] {
  const fields = { type: 'nats', url: server.url, subject: 'shop.users', body: { id: '{{id}}' }, ...overrides }
  const { plan, problems } = compile(fields, { timeoutMs: 10_000 })
  expect(problems).toEqual([])
  return ids.map((id, seq) => jobFor(plan, { id, status: 1 }, seq))
}

async function arrivalsIn(stream: string): Promise<Arrival[]> {
  const { state } = await manager.streams.info(stream)
  const arrivals: Arrival[] = []
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(stream, { seq })
    const event = message!.json<{ id: string; new: { id: number; status: number } }>()
    arrivals.push({ key: String(event.new.id), seq: event.new.status, id: event.id })
  }
  return arrivals
}

const stored = async (): Promise<number> => (await manager.streams.info('shop')).state.messages

/** Anew after a kill, so that no test waits for the client's pauses. */
async function manage(): Promise<void> {
  await connection?.close()
  connection = await connect({ servers: server.url.replace('nats://', ''), reconnect: false })
  manager = await jetstreamManager(connection)
}

beforeAll(async () => {
  server = await startNats()
  await manage()
  await manager.streams.add({ name: 'shop', subjects: ['shop.>'], max_msg_size: 1_000 })
  const [job] = jobs({}, 1)
  target = await nats.open(job!.action.target, { log: silentLog, now: Date.now })
})
afterAll(async () => {
  await target.close()
  await connection?.close()
  await server.stop()
})

describe('a NATS target', () => {
  test('stores events in order, and a repetition only once', async () => {
    const batch = jobs({ headers: { source: 'bingo' } }, 1, 2, 3)
    expect(await target.send(batch, signal)).toBeUndefined()
    expect(await target.send(batch, signal)).toBeUndefined()
    expect(await stored()).toBe(3)
    const message = await manager.streams.getMessage('shop', { seq: 2 })
    expect(message?.string()).toBe('{"id":2}')
    expect(message?.header.get('Nats-Msg-Id')).toBe(`${batch[1]!.id}#rule#0`)
    expect(message?.header.get('source')).toBe('bingo')
  })

  test('messages of two rules about one event are two messages, not duplicates', async () => {
    const before = await stored()
    const batch = ['points', 'mail', 'mail two\n'].map((id) => {
      const [job] = jobs({}, 40)
      Object.assign(job!.action.rule, { id })
      return job!
    })
    for (const job of [...batch, ...batch]) expect(await target.send([job], signal)).toBeUndefined()
    expect(await stored()).toBe(before + 3)
  })

  test('a message that the stream finds too large is poison', async () => {
    const before = await stored()
    const large = jobs({ body: { text: 'x'.repeat(2_000) } }, 50)
    const more = jobs({}, 51, 52, 53, 54).slice(3)
    const result = await target.send([...large, ...more], signal)
    expect(summary(result)).toEqual(['poison BINGO_NATS_REFUSED', null])
    expect(result?.[0]?.answer).toEqual({ status: '10054', text: expect.stringContaining('size') })
    expect(await stored()).toBe(before + 1)
  })

  test('a subject that no stream covers is reported as such', async () => {
    const result = await target.send(jobs({ subject: 'other.users' }, 1), signal)
    expect(summary(result)).toEqual(['unknown BINGO_NATS_REFUSED'])
    expect(result?.[0]?.error.hint).toContain('stream')
  })

  test('core NATS reaches whoever listens', async () => {
    const subscription = connection!.subscribe('plain.users', { max: 2 })
    await connection!.flush()
    expect(await target.send(jobs({ subject: 'plain.users', jetstream: false }, 1, 2), signal)).toBeUndefined()
    const bodies: string[] = []
    for await (const message of subscription) bodies.push(message.string())
    expect(bodies).toEqual(['{"id":1}', '{"id":2}'])
  })

  test('a server that is killed and restarted receives the events', async () => {
    const batch = jobs({}, 1, 2, 3, 4, 5, 6, 7).slice(6)
    await server.kill('SIGKILL')
    expect(summary(await target.send(batch, signal))).toEqual(['down BINGO_NATS_UNREACHABLE'])
    await server.restart()
    await sendUntilTaken(target, batch)
    await manage()
    const info = await manager.streams.info('shop')
    const last = await manager.streams.getMessage('shop', { seq: info.state.last_seq })
    expect(last?.string()).toBe('{"id":7}')
  })

  test('a server that does not answer is down after the timeout of the action, and a new connection is made', async () => {
    await using proxy = await TcpProxy.start(server)
    const one = (jetstream: boolean): Sendable => {
      const fields = { type: 'nats', url: `nats://127.0.0.1:${proxy.port}`, subject: 'shop.users', jetstream }
      const { plan } = compile(fields, { timeoutMs: 2_000 })
      return jobFor(plan, { id: 60, status: 1 }, 60)
    }
    const other = await nats.open(one(true).action.target, { log: silentLog, now: Date.now })
    await sendUntilTaken(other, [one(true)])
    proxy.halfOpen = true
    expect(summary(await other.send([one(true)], signal))).toEqual(['down BINGO_NATS_UNREACHABLE'])
    expect(summary(await other.send([one(false)], signal))).toEqual(['down BINGO_NATS_UNREACHABLE'])
    proxy.strand()
    proxy.halfOpen = false
    await sendUntilTaken(other, [one(true)])
    await other.close()
    await eventually('no socket is left behind', () => proxy.connections === 0)
  })
})

describe('a NATS server that is killed in mid-stream', () => {
  test('has what it acknowledged, in order per row', async () => {
    await manager.streams.add({ name: 'killed', subjects: ['killed.>'] })
    const { plan } = compile({ type: 'nats', url: server.url, subject: 'killed.{{id}}' }, { timeoutMs: 10_000 })
    const history = new RowHistory(plan, 20)
    const random = randomFrom(3)
    for (let round = 0; round < KILLS; round++) {
      const underWay = sendUntilTaken(target, history.next(1_000))
      await delay(random() * KILL_WITHIN_MS)
      await server.kill('SIGKILL')
      await server.restart()
      await underWay
    }
    await manage()
    const verdict = judge(await arrivalsIn('killed'), history.final)
    if (KILLS > 4) console.log(`${KILLS} kills, ${history.written} changes, ${verdict.duplicates} duplicates`)
    expect(verdict).toMatchObject({ lost: [], reordered: [], phantoms: [], changedIds: [] })
  })
})
