import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, TLSSocket, type Server } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectOnly } from '../../src/targets/webhook/check-online.ts'
import type { WebhookTargetOptions } from '../../src/targets/webhook/options.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

/** Sockets of clients that have failed. */
const failed = new Set<TLSSocket>()
const { emit } = TLSSocket.prototype
let authority: CertificateAuthority
let server: Server
let address: string

beforeAll(async () => {
  authority = await CertificateAuthority.create()
  const { cert, key } = await authority.issue()
  server = createServer({ cert, key }, (socket) => socket.on('error', () => undefined))
  server.on('tlsClientError', () => undefined)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  address = `localhost:${(server.address() as AddressInfo).port}`
  TLSSocket.prototype.emit = function (this: TLSSocket, ...said: Parameters<typeof emit>): boolean {
    if (said[0] === ('error' as string)) failed.add(this)
    return emit.apply(this, said)
  } as typeof emit
})
afterAll(async () => {
  TLSSocket.prototype.emit = emit
  server.close()
  await authority[Symbol.asyncDispose]()
})

/** Opens a target that does not trust the server, sends to it, and closes it: one of the first two says what is wrong. */
async function fail(fields: { readonly type: string; readonly [name: string]: unknown }): Promise<void> {
  const { plan, type, problems } = compile(fields, { timeoutMs: 2_000 })
  expect(problems).toEqual([])
  const code = await refusedWith(async () => {
    const target = await type.open(plan.target, { log: silentLog, now: Date.now })
    const result = await target.send([jobFor(plan, { id: 1, status: 1 }, 0)], AbortSignal.timeout(5_000))
    await target.close()
    throw result?.[0]?.error ?? new Error('it was taken')
  })
  expect(code).toMatch(/^BINGO_\w+_UNREACHABLE$/)
}

async function refusedWith(work: () => Promise<never>): Promise<string | undefined> {
  const error: unknown = await work().catch((thrown: unknown) => thrown)
  return (error as { readonly code?: string }).code
}

async function check(): Promise<void> {
  const options = { origin: null, allowCidrs: ['127.0.0.0/8', '::1/128'], tls: {}, http2: true, proxy: null }
  await expect(connectOnly(options as unknown as WebhookTargetOptions, `https://${address}`)).rejects.toThrow(
    /certificate/,
  )
}

const redis = { type: 'redis', cmd: 'DEL', keys: ['{{id}}'] }
// The clients of MySQL, PostgreSQL, NATS and gRPC listen for as long as their sockets live.
test.each<[string, () => Promise<void>]>([
  ['redis', () => fail({ ...redis, url: `rediss://${address}` })],
  ['redis cluster', () => fail({ ...redis, url: `rediss+cluster://${address}` })],
  ['redis sentinel', () => fail({ ...redis, url: `rediss+sentinel://${address}/mymaster` })],
  ['kafka', () => fail({ type: 'kafka', brokers: [address], topic: 't', tls: {} })],
  ['rabbitmq', () => fail({ type: 'rabbitmq', url: `amqps://${address}`, exchange: 'x', routingKey: 'k' })],
  ['webhook', () => fail({ type: 'webhook', url: `https://${address}/` })],
  ['check of a webhook', check],
])('a server whose certificate %s refuses cannot end the process by what it says afterwards', async (_, connect) => {
  failed.clear()
  await connect()
  expect(failed.size).toBeGreaterThan(0)
  // As a server's alert would that is read in the turn in which its certificate is refused.
  for (const socket of failed) expect(socket.listenerCount('error')).toBeGreaterThan(0)
})
