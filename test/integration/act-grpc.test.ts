import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadPackageDefinition, Server, ServerCredentials, status } from '@grpc/grpc-js'
import type { sendUnaryData, ServerUnaryCall, ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { grpc } from '../../src/targets/grpc/action.ts'
import type { SendResult, Target } from '../../src/model/rule/action.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const PROTO = `syntax = "proto3";
package mail;
service Mailer {
  rpc Send (Mail) returns (Receipt);
  rpc Watch (Mail) returns (stream Receipt);
}
message Mail { int64 id = 1; string to_address = 2; }
message Receipt { bool ok = 1; }`

type Call = ServerUnaryCall<{ id: string; to_address: string }, { ok: boolean }>

const folder = mkdtempSync(join(tmpdir(), 'bingo-grpc-'))
const proto = join(folder, 'mail.proto')
const { signal } = new AbortController()
let server: Server
let port: number
let target: Target
let calls: { id: string; to: string; event: unknown }[]
let answer: (call: Call, done: sendUnaryData<{ ok: boolean }>) => void

async function startServer(on: number): Promise<number> {
  const definition = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: String }))
  const { Mailer } = definition['mail'] as unknown as { Mailer: ServiceClientConstructor }
  server = new Server()
  server.addService(Mailer.service, {
    Send: (call: Call, done: sendUnaryData<{ ok: boolean }>) => {
      const { id, to_address: to } = call.request
      calls.push({ id, to, event: call.metadata.get('bingo-event-id')[0] })
      answer(call, done)
    },
    Watch: () => undefined,
  })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.bindAsync(`127.0.0.1:${on}`, ServerCredentials.createInsecure(), (error, bound) => {
    if (error) reject(error)
    else resolve(bound)
  })
  return promise
}

const fields = (overrides: object = {}) => ({
  type: 'grpc',
  address: `127.0.0.1:${port}`,
  method: 'mail.Mailer/Send',
  proto,
  message: { id: '{{id}}', to_address: 'user-{{id}}@example.com' },
  ...overrides,
})

async function send(ids: readonly (number | bigint)[], overrides: object = {}, timeoutMs = 5_000): Promise<SendResult> {
  const { plan, problems } = compile(fields(overrides), { timeoutMs })
  expect(problems).toEqual([])
  return target.send(
    ids.map((id, seq) => jobFor(plan, { id, status: 1 }, seq)),
    signal,
  )
}
const summary = (result: SendResult) => result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)

beforeAll(async () => {
  writeFileSync(proto, PROTO)
  port = await startServer(0)
  target = await grpc.open(compile(fields()).plan.target, { log: silentLog, now: Date.now })
})
beforeEach(() => {
  calls = []
  answer = (_, done) => done(null, { ok: true })
})
afterAll(async () => {
  await target.close()
  server.forceShutdown()
  rmSync(folder, { recursive: true })
})

describe('a gRPC target', () => {
  test('calls the method once per event, in order, with exact 64-bit integers and the event’s id', async () => {
    expect(await send([1, 2n ** 60n])).toBeUndefined()
    expect(calls.map(({ id, to }) => [id, to])).toEqual([
      ['1', 'user-1@example.com'],
      ['1152921504606846976', 'user-1152921504606846976@example.com'],
    ])
    expect(calls[1]!.event).toMatch(/:1\/1$/)
  })

  test('a refused message is poison and holds back only its own row', async () => {
    answer = (call, done) =>
      call.request.id === '1' ? done({ code: status.INVALID_ARGUMENT }) : done(null, { ok: true })
    const result = await send([1, 2, 1])
    expect(summary(result)).toEqual(['poison BINGO_GRPC_STATUS', null, 'unknown BINGO_BEHIND_FAILURE'])
  })

  test('what the server says to a refused message is kept, and its answer is given to whoever asks', async () => {
    answer = (_, done) => done({ code: status.INVALID_ARGUMENT, details: 'no mailbox ada@example.com' })
    const failure = (await send([1]))?.[0]
    expect(failure?.answer).toEqual({ status: 'INVALID_ARGUMENT', text: 'no mailbox ada@example.com' })
    expect(failure?.error.message).not.toContain('ada')
    const { plan } = compile(fields(), { timeoutMs: 5_000 })
    const job = jobFor(plan, { id: 1, status: 1 }, 0)
    expect(await target.ask!(job, signal)).toMatchObject({ kind: 'poison' })
    answer = (_, done) => done(null, { ok: true })
    expect(await target.ask!(job, signal)).toEqual({ tag: 'done', value: { ok: true } })
  })

  test('a call past its deadline means that the events wait', async () => {
    // The connection is there, so that the deadline is about the answer alone.
    expect(await send([1])).toBeUndefined()
    answer = () => undefined
    const result = await send([2, 3], { deadline: 500 })
    expect(summary(result)).toEqual(['down BINGO_GRPC_STATUS', 'down BINGO_GRPC_STATUS'])
    expect(result?.[0]?.timedOut).toBe(true)
    expect(calls.map(({ id }) => id)).not.toContain('3')
  })

  test('a stop cancels the call that is in flight, and the server hears of it', async () => {
    const stop = new AbortController()
    const cancelled = new Promise<void>((resolve) => {
      answer = (call) => {
        call.on('cancelled', resolve)
        stop.abort()
      }
    })
    const { plan } = compile(fields(), { timeoutMs: 60_000 })
    const sent = await target.send([jobFor(plan, { id: 1, status: 1 }, 0)], stop.signal)
    expect(sent?.map((failure) => failure?.error.message)).toEqual([expect.stringContaining('answered CANCELLED')])
    await cancelled
  })

  test('an answer that is not the message that the method promises is a failure of the server', async () => {
    const definition = loadPackageDefinition(loadSync(proto))
    const { Mailer } = definition['mail'] as unknown as { Mailer: ServiceClientConstructor }
    const garbled = new Server()
    const sends = { ...Mailer.service['Send']!, responseSerialize: () => Buffer.from([0xff]) }
    garbled.addService({ Send: sends }, { Send: (_: Call, done: sendUnaryData<object>) => done(null, {}) })
    const { promise, resolve } = Promise.withResolvers<number>()
    garbled.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) => resolve(bound))
    const { plan } = compile(fields({ address: `127.0.0.1:${await promise}` }), { timeoutMs: 60_000 })
    const other = await grpc.open(plan.target, { log: silentLog, now: Date.now })
    const failure = (await other.send([jobFor(plan, { id: 1, status: 1 }, 0)], signal))?.[0]
    expect(failure?.error.message).toContain('answered INTERNAL')
    expect(failure?.answer?.text).toContain('Response message parsing error')
    await other.close()
    garbled.forceShutdown()
  })

  test('a server that is down and up again receives the events', async () => {
    server.forceShutdown()
    expect(summary(await send([1]))).toEqual(['down BINGO_GRPC_STATUS'])
    await startServer(port)
    let result = await send([1])
    while (result !== undefined) result = await send([1])
    expect(calls.at(-1)!.id).toBe('1')
  })
})
