import { jetstreamManager } from '@nats-io/jetstream'
import type { JetStreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nats } from '../../src/act/actions/nats.ts'
import type { Job, SendResult, Target } from '../../src/core/action.ts'
import { startNats } from '../support/servers/nats.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/act/action-spec.ts'

const { signal } = new AbortController()
let server: Awaited<ReturnType<typeof startNats>>
let connection: NatsConnection
let manager: JetStreamManager
let target: Target

function jobs(overrides: object, ...ids: number[]): Job[] {
  const fields = { type: 'nats', url: server.url, subject: 'shop.users', body: { id: '{{id}}' }, ...overrides }
  const { plan, problems } = compile(fields)
  expect(problems).toEqual([])
  return ids.map((id, seq) => jobFor(plan, { id, status: 1 }, seq))
}

const stored = async (): Promise<number> => (await manager.streams.info('shop')).state.messages
const summary = (result: SendResult) => result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)

beforeAll(async () => {
  server = await startNats()
  connection = await connect({ servers: server.url.replace('nats://', ''), maxReconnectAttempts: -1 })
  manager = await jetstreamManager(connection)
  await manager.streams.add({ name: 'shop', subjects: ['shop.>'], max_msg_size: 1_000 })
  const [job] = jobs({}, 1)
  target = await nats.open(job!.action.target, { log: silentLog, now: Date.now })
})
afterAll(async () => {
  await target.close()
  await connection.close()
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
    expect(message?.header.get('Nats-Msg-Id')).toBe(`${batch[1]!.change.id}#rule#0`)
    expect(message?.header.get('source')).toBe('bingo')
  })

  test('what two rules say about one event are two messages, not a repetition', async () => {
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
    expect(summary(await target.send([...large, ...more], signal))).toEqual(['poison BINGO_NATS_REFUSED', null])
    expect(await stored()).toBe(before + 1)
  })

  test('a subject that no stream covers is reported as such', async () => {
    const result = await target.send(jobs({ subject: 'other.users' }, 1), signal)
    expect(summary(result)).toEqual(['unknown BINGO_NATS_REFUSED'])
    expect(result?.[0]?.error.hint).toContain('stream')
  })

  test('core NATS reaches whoever listens', async () => {
    const subscription = connection.subscribe('plain.users', { max: 2 })
    await connection.flush()
    expect(await target.send(jobs({ subject: 'plain.users', jetstream: false }, 1, 2), signal)).toBeUndefined()
    const bodies: string[] = []
    for await (const message of subscription) bodies.push(message.string())
    expect(bodies).toEqual(['{"id":1}', '{"id":2}'])
  })

  test('a server that is killed and comes back takes the events', async () => {
    const batch = jobs({}, 1, 2, 3, 4, 5, 6, 7).slice(6)
    await server.kill('SIGKILL')
    expect(summary(await target.send(batch, signal))).toEqual(['down BINGO_NATS_UNREACHABLE'])
    await server.restart()
    let result = await target.send(batch, signal)
    while (result !== undefined) result = await target.send(batch, signal)
    const info = await manager.streams.info('shop')
    const last = await manager.streams.getMessage('shop', { seq: info.state.last_seq })
    expect(last?.string()).toBe('{"id":7}')
  })
})
