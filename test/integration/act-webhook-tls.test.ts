import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:https'
import type { ServerOptions } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CertificateAuthority } from '../support/certificates.ts'
import type { Certificate } from '../support/certificates.ts'
import { WebhookSender } from '../support/webhook-target.ts'

let authority: CertificateAuthority
let stranger: CertificateAuthority
let good: Certificate

beforeAll(async () => {
  ;[authority, stranger] = await Promise.all([CertificateAuthority.create(), CertificateAuthority.create('Stranger')])
  good = await authority.issue()
})
afterAll(async () => {
  await Promise.all([authority, stranger].map((each) => each[Symbol.asyncDispose]()))
})

/** A TLS receiver; `requests` counts what reached the application, `clients` names the peers' certificates. */
class Receiver implements AsyncDisposable {
  requests = 0
  readonly clients: unknown[] = []
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
  }

  static async start(options: ServerOptions | null): Promise<Receiver> {
    const server = options === null ? createHttpServer() : createServer(options)
    const receiver = new Receiver(server)
    server.on('request', (request, response) => {
      receiver.requests += 1
      const socket = request.socket as TLSSocket
      if (options !== null) receiver.clients.push(socket.getPeerCertificate().subject?.CN)
      response.writeHead(204).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return receiver
  }

  get url(): string {
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}/`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close()
    if ('closeAllConnections' in this.server) (this.server.closeAllConnections as () => void)()
    await once(this.server, 'close')
  }
}

/** What a sender with these `tls` settings makes of that server. */
async function verdict(receiver: Receiver, tls: object, fields: object = {}) {
  await using sender = await WebhookSender.open({ url: receiver.url, tls, ...fields })
  const failure = await sender.failure()
  return failure && { kind: failure.kind, code: failure.error.code, hint: failure.error.hint }
}

const UNREACHABLE = { kind: 'down', code: 'BINGO_WEBHOOK_UNREACHABLE' }

describe.each([true, false])('a webhook over TLS (http2: %s)', (http2) => {
  test('is sent to a server whose authority is given, as file or as text', async () => {
    await using receiver = await Receiver.start(good)
    expect(await verdict(receiver, { ca: authority.caFile }, { http2 })).toBeNull()
    expect(await verdict(receiver, { ca: authority.ca }, { http2 })).toBeNull()
    expect(receiver.requests).toBe(2)
  })

  test('waits, and sends nothing, while the certificate is of an unknown authority', async () => {
    await using receiver = await Receiver.start(await stranger.issue())
    for (const tls of [{ ca: authority.caFile }, {}]) {
      expect(await verdict(receiver, tls, { http2 })).toMatchObject({
        ...UNREACHABLE,
        hint: expect.stringContaining('authority'),
      })
    }
    expect(receiver.requests).toBe(0)
  })

  test('waits while the certificate has expired', async () => {
    await using receiver = await Receiver.start(await authority.issue({ expired: true }))
    const seen = await verdict(receiver, { ca: authority.caFile }, { http2 })
    expect(seen).toMatchObject({ ...UNREACHABLE, hint: expect.stringContaining('Renew') })
    expect(receiver.requests).toBe(0)
  })

  test('waits while the certificate is for another host, unless that name is expected', async () => {
    await using receiver = await Receiver.start(await authority.issue({ names: ['crm.internal'] }))
    const ca = authority.caFile
    const seen = await verdict(receiver, { ca }, { http2 })
    expect(seen).toMatchObject({ ...UNREACHABLE, hint: expect.stringContaining('servername') })
    expect(receiver.requests).toBe(0)
    expect(await verdict(receiver, { ca, servername: 'crm.internal' }, { http2 })).toBeNull()
    expect(await verdict(receiver, { ca, servername: 'mail.internal' }, { http2 })).toMatchObject(UNREACHABLE)
  })

  test('never falls back to plaintext', async () => {
    await using receiver = await Receiver.start(null)
    const seen = await verdict(receiver, {}, { http2 })
    expect(seen).toMatchObject({ ...UNREACHABLE, hint: expect.stringContaining('speaks TLS') })
    expect(receiver.requests).toBe(0)
  })

  test('shows its own certificate to a server that asks for one', async () => {
    await using receiver = await Receiver.start({
      ...good,
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: true,
    })
    const ca = authority.caFile
    const wanted = { ...UNREACHABLE, hint: expect.stringContaining('tls.cert') }
    expect(await verdict(receiver, { ca }, { http2 })).toMatchObject(wanted)
    const wrong = await stranger.issue({ commonName: 'mallory' })
    expect(await verdict(receiver, { ca, cert: wrong.certFile, key: wrong.keyFile }, { http2 })).toMatchObject(
      UNREACHABLE,
    )
    expect(receiver.requests).toBe(0)
    const own = await authority.issue({ commonName: 'bingo' })
    expect(await verdict(receiver, { ca, cert: own.certFile, key: own.keyFile }, { http2 })).toBeNull()
    expect(receiver.clients).toEqual(['bingo'])
  })
})
