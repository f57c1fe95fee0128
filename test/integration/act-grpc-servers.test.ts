import { ServerCredentials, status } from '@grpc/grpc-js'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { grpc } from '../../src/targets/grpc/action.ts'
import type { DeliveryFailure } from '../../src/model/rule/action.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { eventually, freePort } from '../support/daemon.ts'
import { MAIL_PROTO, Mailer } from '../support/grpc-server.ts'
import { silentLog } from '../support/jobs.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { TargetSender } from '../support/target-sender.ts'
import { compile } from '../unit/targets/action-spec.ts'

/** A gRPC target as a rule with these fields would have it. */
class Sender extends TargetSender {
  static async open(address: string, fields: object = {}, timeoutMs = 10_000): Promise<Sender> {
    const message = { id: '{{id}}', to_address: 'user-{{id}}@example.com' }
    const rule = { type: 'grpc', address, method: 'mail.v1.Mailer/Send', message, ...fields }
    const { plan, problems } = compile(rule, { timeoutMs })
    if (problems.length > 0) throw new Error(JSON.stringify(problems))
    return new Sender(plan, await grpc.open(plan.target, { log: silentLog, now: Date.now }))
  }
}

const summary = (failure: DeliveryFailure | null) => failure && `${failure.kind} ${failure.error.code}`

describe('by server reflection', () => {
  test.each([[['v1']], [['v1alpha']], [['v1', 'v1alpha']]] as const)(
    '%j, a method needs no .proto file',
    async (reflection) => {
      await using mailer = await Mailer.start({ reflection })
      await using sender = await Sender.open(mailer.address, {
        message: { id: '{{id}}', kind: 'FAST', from: { mail: 'x' }, by_role: { boss: { mail: 'b' } } },
      })
      expect(await sender.send(1, 2)).toBeUndefined()
      expect(mailer.calls).toEqual(
        [1, 2].map((id) => ({ id: String(id), kind: 'FAST', from: { mail: 'x' }, by_role: { boss: { mail: 'b' } } })),
      )
      expect(mailer.filesAsked.toSorted()).toEqual(['google_protobuf.proto', 'shared.proto'])
    },
  )

  test('a server may send the imported files unasked', async () => {
    await using mailer = await Mailer.start({ reflection: ['v1'], allAtOnce: true })
    await using sender = await Sender.open(mailer.address)
    expect(await sender.failure()).toBeNull()
    expect(mailer.filesAsked).toEqual([])
  })

  test('a server that does not offer it makes the events wait, and the hint says what to do', async () => {
    await using mailer = await Mailer.start()
    await using sender = await Sender.open(mailer.address)
    const failure = await sender.failure()
    expect(summary(failure)).toBe('down BINGO_GRPC_REFLECTION')
    expect(failure?.error.hint).toContain('proto')
  })

  test.each([
    [{ method: 'mail.v1.Gone/Send' }, 'down BINGO_GRPC_METHOD', 'no service mail.v1.Gone'],
    [{ method: 'mail.v1.Mailer/Gone' }, 'down BINGO_GRPC_METHOD', 'no method Gone'],
    [{ method: 'mail.v1.Mailer/Watch' }, 'down BINGO_GRPC_METHOD', 'unary'],
    [{ message: { idd: '{{id}}' } }, 'down BINGO_GRPC_FIELD', 'did you mean id?'],
  ])('%j is reported by the daemon and by check --online', async (fields, expected, message) => {
    await using mailer = await Mailer.start({ reflection: ['v1'] })
    await using sender = await Sender.open(mailer.address, fields)
    const failure = await sender.failure()
    expect([summary(failure), failure?.error.message]).toEqual([expected, expect.stringContaining(message)])
    const problems = await grpc.inspect!(sender.plan, { log: silentLog, now: Date.now })
    expect(problems.map((problem) => problem.message)).toEqual([expect.stringContaining(message)])
  })

  test('check --online accepts what is valid, and reports a missing server', async () => {
    await using mailer = await Mailer.start({ reflection: ['v1'] })
    await using sender = await Sender.open(mailer.address)
    expect(await grpc.inspect!(sender.plan, { log: silentLog, now: Date.now })).toEqual([])
    await using other = await Sender.open(`127.0.0.1:${await freePort()}`)
    const inspection = grpc.inspect!(other.plan, { log: silentLog, now: Date.now })
    await expect(inspection).rejects.toMatchObject({ code: 'BINGO_GRPC_REFLECTION' })
  })
})

describe('a call', () => {
  test.each([
    ['UNAVAILABLE', 'down'],
    ['RESOURCE_EXHAUSTED', 'down'],
    ['DEADLINE_EXCEEDED', 'down'],
    ['UNAUTHENTICATED', 'down'],
    ['CANCELLED', 'down'],
    ['INVALID_ARGUMENT', 'poison'],
    ['NOT_FOUND', 'poison'],
    ['ALREADY_EXISTS', 'poison'],
    ['FAILED_PRECONDITION', 'poison'],
    ['PERMISSION_DENIED', 'down'],
    ['UNIMPLEMENTED', 'poison'],
    ['OUT_OF_RANGE', 'poison'],
    ['DATA_LOSS', 'poison'],
    ['ABORTED', 'unknown'],
    ['INTERNAL', 'unknown'],
    ['UNKNOWN', 'unknown'],
  ] as const)('that ends in %s is %s', async (name, kind) => {
    await using mailer = await Mailer.start()
    mailer.answer = (_, done) => done({ code: status[name] })
    await using sender = await Sender.open(mailer.address, { proto: MAIL_PROTO })
    const failure = await sender.failure()
    expect([summary(failure), failure?.error.message]).toEqual([
      `${kind} BINGO_GRPC_STATUS`,
      expect.stringContaining(name),
    ])
  })

  test('with a message that is too large for the server is poison, and the server stays up', async () => {
    await using mailer = await Mailer.start()
    const message = { id: '{{id}}', to_address: 'x'.repeat(5_000_000) }
    await using sender = await Sender.open(mailer.address, { proto: MAIL_PROTO, message })
    const failure = await sender.failure()
    expect(summary(failure)).toBe('poison BINGO_GRPC_STATUS')
    expect(failure?.error.hint).toContain('Raise the server’s message limit')
    await using small = await Sender.open(mailer.address, { proto: MAIL_PROTO })
    expect(await small.failure()).toBeNull()
  })

  test('with metadata that is too large does not count as a server that is down', async () => {
    await using mailer = await Mailer.start()
    await using sender = await Sender.open(mailer.address, {
      proto: MAIL_PROTO,
      metadata: { 'x-note': 'n'.repeat(90_000) },
    })
    expect((await sender.failure())?.kind).toBe('unknown')
    await using small = await Sender.open(mailer.address, { proto: MAIL_PROTO })
    expect(await small.failure()).toBeNull()
  })

  test('carries metadata from templates and the id of the event', async () => {
    await using mailer = await Mailer.start()
    await using sender = await Sender.open(mailer.address, { proto: MAIL_PROTO, metadata: { 'x-user': 'u{{id}}' } })
    expect(await sender.failure(7)).toBeNull()
    expect(mailer.metadata[0]).toMatchObject({ 'x-user': 'u7', 'bingo-event-id': expect.stringMatching(/:1\/0$/) })
  })

  test('with a value that does not fit is not made; the event is poison and names the field', async () => {
    await using mailer = await Mailer.start()
    await using sender = await Sender.open(mailer.address, { proto: MAIL_PROTO, message: { urgent: '{{id}}' } })
    const failure = await sender.failure(5)
    expect([summary(failure), failure?.error.message]).toEqual([
      'poison BINGO_GRPC_MESSAGE',
      expect.stringContaining('urgent: needs true or false'),
    ])
    expect(mailer.calls).toEqual([])
  })
})

describe('over TLS', () => {
  let authority: CertificateAuthority
  let stranger: CertificateAuthority
  beforeAll(async () => {
    ;[authority, stranger] = await Promise.all([CertificateAuthority.create(), CertificateAuthority.create('Stranger')])
  })
  afterAll(async () => {
    await Promise.all([authority, stranger].map((each) => each[Symbol.asyncDispose]()))
  })

  async function secured(names?: readonly string[]): Promise<Mailer> {
    const { cert, key } = await authority.issue(names && { names })
    const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }
    return Mailer.start({ credentials: ServerCredentials.createSsl(Buffer.from(authority.ca), [pair], true) })
  }

  async function verdict(mailer: Mailer, tls: object | undefined): Promise<string | null> {
    await using sender = await Sender.open(mailer.address, { proto: MAIL_PROTO, ...(tls && { tls }) })
    return summary(await sender.failure())
  }

  test('both sides show certificates; without the right ones the events wait and nothing is sent', async () => {
    await using mailer = await secured()
    const [own, foreign] = await Promise.all([authority.issue({ commonName: 'bingo' }), stranger.issue()])
    const client = { cert: own.certFile, key: own.keyFile }
    const waits = 'down BINGO_GRPC_STATUS'
    expect(await verdict(mailer, { ca: authority.caFile })).toBe(waits)
    expect(await verdict(mailer, { ca: authority.caFile, cert: foreign.certFile, key: foreign.keyFile })).toBe(waits)
    expect(await verdict(mailer, { ca: stranger.caFile, ...client })).toBe(waits)
    expect(await verdict(mailer, client)).toBe(waits)
    expect(await verdict(mailer, undefined)).toBe(waits)
    expect(mailer.calls).toEqual([])
    expect(await verdict(mailer, { ca: authority.caFile, ...client })).toBeNull()
  })

  test('the name in the certificate is verified, against `servername` if it is set', async () => {
    await using mailer = await secured(['mail.internal'])
    const own = await authority.issue({ commonName: 'bingo' })
    const tls = { ca: authority.caFile, cert: own.certFile, key: own.keyFile }
    expect(await verdict(mailer, tls)).toBe('down BINGO_GRPC_STATUS')
    expect(await verdict(mailer, { ...tls, servername: 'mail.internal' })).toBeNull()
  })
})

describe('a server process', () => {
  const script = fileURLToPath(new URL('../support/grpc-server-process.ts', import.meta.url))

  test('that is up again is reached by the next call, however many failed before', async () => {
    const port = await freePort()
    await using sender = await Sender.open(`127.0.0.1:${port}`, { proto: MAIL_PROTO })
    for (let tries = 0; tries < 8; tries++) expect(summary(await sender.failure())).toBe('down BINGO_GRPC_STATUS')
    const server = fork(script, [String(port)], { execArgv: [] })
    try {
      await once(server, 'message')
      expect(await sender.failure()).toBeNull()
    } finally {
      server.kill('SIGKILL')
    }
  })

  test('is reached over a new connection when the old one went dead and was never closed', async () => {
    await using mailer = await Mailer.start()
    await using line = await TcpProxy.start({ host: '127.0.0.1', port: Number(mailer.address.split(':')[1]) })
    await using sender = await Sender.open(`127.0.0.1:${line.port}`, { proto: MAIL_PROTO }, 1_000)
    expect(await sender.failure()).toBeNull()
    line.strand()
    const failure = await sender.failure()
    expect([summary(failure), failure?.error.message]).toEqual([
      'down BINGO_GRPC_STATUS',
      expect.stringContaining('DEADLINE_EXCEEDED'),
    ])
    expect(await sender.failure()).toBeNull()
  })

  test('that is killed several times under load receives every event', async () => {
    const port = await freePort()
    const seen = new Set<string>()
    let server: ChildProcess
    const start = async (): Promise<void> => {
      server = fork(script, [String(port)], { execArgv: [] })
      await once(server, 'message')
      server.on('message', (id) => seen.add(id as string))
    }
    await start()
    await using sender = await Sender.open(`127.0.0.1:${port}`, { proto: MAIL_PROTO })
    let failed = 0
    try {
      for (let id = 1; id <= 300; id++) {
        if (id % 100 === 50) server!.kill('SIGKILL')
        for (let tries = 0; (await sender.failure(id)) !== null; tries++) {
          failed += 1
          if (tries > 500) throw new Error(`event ${id} was never taken`)
          if (server!.exitCode !== null || server!.signalCode !== null) await start()
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
      await eventually('the server process has told of the last', () => seen.size === 300)
    } finally {
      server!.kill('SIGKILL')
    }
    expect(failed).toBeGreaterThanOrEqual(3)
  })
})
