import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import type { Http2SecureServer, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CertificateAuthority } from '../support/certificates.ts'
import type { Certificate } from '../support/certificates.ts'
import { eventually } from '../support/daemon.ts'
import { summary, WebhookSender } from '../support/webhook-target.ts'

const LANES = 8
let authority: CertificateAuthority
let certificate: Certificate

beforeAll(async () => {
  authority = await CertificateAuthority.create()
  certificate = await authority.issue()
})
afterAll(() => authority[Symbol.asyncDispose]())

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** A receiver that speaks HTTP/2 only, and notes sessions and what it took. */
class Http2Receiver implements AsyncDisposable {
  readonly sessions = new Set<ServerHttp2Session>()
  sessionsSeen = 0
  readonly taken: string[] = []
  /** Called before a stream is answered; false = no answer of its own. */
  beforeAnswer: (stream: ServerHttp2Stream) => boolean = () => true
  private server!: Http2SecureServer

  static async start(port = 0): Promise<Http2Receiver> {
    const receiver = new Http2Receiver()
    await receiver.listen(port)
    return receiver
  }

  get port(): number {
    return portOf(this.server as unknown as Server)
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}/hook`
  }

  async listen(port: number): Promise<void> {
    const server = createSecureServer({ cert: certificate.cert, key: certificate.key, allowHTTP1: false })
    server.on('session', (session) => {
      this.sessionsSeen += 1
      this.sessions.add(session)
      session.on('close', () => this.sessions.delete(session)).on('error', () => undefined)
    })
    server.on('stream', (stream) => void this.answer(stream.on('error', () => undefined)))
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    this.server = server
  }

  private async answer(stream: ServerHttp2Stream): Promise<void> {
    const body = await text(stream).catch(() => null)
    if (body === null || stream.destroyed || !this.beforeAnswer(stream)) return
    this.taken.push((JSON.parse(body) as { id: string }).id)
    stream.respond({ ':status': 204 }, { endStream: true })
  }

  async stop(): Promise<void> {
    this.server.close()
    for (const session of this.sessions) session.destroy()
    await once(this.server, 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

const trusting = (url: string, more: object = {}) => ({ url, tls: { ca: authority.caFile }, batch: 'never', ...more })

/** Sends `count` events over as many lanes at once until each was taken; answers how many tries failed. */
async function deliver(sender: WebhookSender, count: number, maxTries = 200): Promise<number> {
  let failed = 0
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const id = next++
      for (let tries = 0; (await sender.failure(id)) !== null; tries++) {
        if (tries > maxTries) throw new Error(`event ${id} was never taken`)
        failed += 1
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return failed
}

describe('over HTTP/2', () => {
  test('requests of all lanes share one connection', async () => {
    await using receiver = await Http2Receiver.start()
    await using sender = await WebhookSender.open(trusting(receiver.url))
    expect(await deliver(sender, 200)).toBe(0)
    expect(receiver.sessionsSeen).toBe(1)
    expect(new Set(receiver.taken).size).toBe(200)
    expect(receiver.taken).toHaveLength(200)
  })

  test('a GOAWAY in the middle loses nothing and brings a new connection', async () => {
    await using receiver = await Http2Receiver.start()
    let streams = 0
    receiver.beforeAnswer = (stream) => {
      if (++streams % 50 === 0) (stream.session as ServerHttp2Session).close()
      return true
    }
    await using sender = await WebhookSender.open(trusting(receiver.url))
    await deliver(sender, 300)
    expect(new Set(receiver.taken).size).toBe(300)
    expect(receiver.sessionsSeen).toBeGreaterThan(1)
  })

  test('a connection that is destroyed in the middle loses nothing', async () => {
    await using receiver = await Http2Receiver.start()
    let streams = 0
    receiver.beforeAnswer = (stream) => {
      if (++streams % 40 !== 0) return true
      stream.session?.destroy()
      return false
    }
    await using sender = await WebhookSender.open(trusting(receiver.url))
    expect(await deliver(sender, 300)).toBeGreaterThan(0)
    expect(new Set(receiver.taken).size).toBe(300)
  })

  test.each([0, 2])('a server that is stopped and restarted receives the events (%i threads)', async (threads) => {
    await using receiver = await Http2Receiver.start()
    const { port } = receiver
    await using sender = await WebhookSender.open(trusting(receiver.url, { threads }))
    expect(await sender.failure(1)).toBeNull()
    await receiver.stop()
    expect(summary(await sender.send(2))).toEqual(['down BINGO_WEBHOOK_UNREACHABLE'])
    await receiver.listen(port)
    await deliver(sender, 20)
    expect(new Set(receiver.taken).size).toBe(20)
  })

  test('a stream that is refused is tried again, and one that is never answered ends at the deadline', async () => {
    await using receiver = await Http2Receiver.start()
    await using sender = await WebhookSender.open(trusting(receiver.url), { timeoutMs: 1_000 })
    receiver.beforeAnswer = () => false
    expect(summary(await sender.send(1))).toEqual(['down BINGO_WEBHOOK_TIMEOUT'])
    receiver.beforeAnswer = (stream) => {
      stream.close(0x7)
      return false
    }
    expect((await sender.failure(2))?.kind).toBe('down')
    receiver.beforeAnswer = () => true
    await eventually('the next one is taken', async () => (await sender.failure(3)) === null)
  })

  test.each([0, 1])(
    'a connection that died without a sign is given up after one deadline (%i threads)',
    async (threads) => {
      await using receiver = await Http2Receiver.start()
      const links: { dead: boolean; sockets: Socket[] }[] = []
      const relay = createTcpServer((client) => {
        const upstream = connect(receiver.port, '127.0.0.1')
        const link = { dead: false, sockets: [client, upstream] }
        links.push(link)
        client.on('data', (chunk: Buffer) => link.dead || upstream.write(chunk)).on('error', () => undefined)
        upstream.on('data', (chunk: Buffer) => link.dead || client.write(chunk)).on('error', () => undefined)
      })
      await once(relay.listen(0, '127.0.0.1'), 'listening')
      try {
        const url = `https://127.0.0.1:${portOf(relay)}/`
        await using sender = await WebhookSender.open(trusting(url, { threads }), { timeoutMs: 1_500 })
        expect(await sender.failure(1)).toBeNull()
        links[0]!.dead = true
        expect(summary(await sender.send(2))).toEqual(['down BINGO_WEBHOOK_TIMEOUT'])
        expect(await sender.failure(2)).toBeNull()
        expect(links).toHaveLength(2)
      } finally {
        relay.close()
        for (const { sockets } of links) for (const socket of sockets) socket.destroy()
        await once(relay, 'close')
      }
    },
  )

  test('is not used if the rule disables it', async () => {
    await using receiver = await Http2Receiver.start()
    await using sender = await WebhookSender.open(trusting(receiver.url, { http2: false }))
    expect((await sender.failure(1))?.kind).toBe('down')
    expect(receiver.taken).toEqual([])
  })
})

describe('over HTTP/1.1', () => {
  /** `connections`: those that were opened; `taken`: what was answered with 2xx. */
  async function receiver(options: { keepAliveTimeout?: number; closeAfter?: number } = {}) {
    const seen = { connections: 0, taken: [] as string[] }
    const server = createHttpServer({ keepAliveTimeout: options.keepAliveTimeout ?? 5_000 })
    server.keepAliveTimeoutBuffer = 0
    server.on('connection', () => (seen.connections += 1))
    server.on('request', async (request, response) => {
      const body = await text(request)
      seen.taken.push((JSON.parse(body) as { id: string }).id)
      response.writeHead(204).end()
      // Closes the idle connection at about the moment at which the next request is on its way.
      if (options.closeAfter !== undefined && seen.taken.length % options.closeAfter === 0) request.socket.destroySoon()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const stop = async (): Promise<void> => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
    return { url: `http://127.0.0.1:${portOf(server)}/`, seen, [Symbol.asyncDispose]: stop }
  }

  test.each([0, 2])('connections are kept and shared: never more than `concurrency` (%i threads)', async (threads) => {
    await using server = await receiver()
    await using sender = await WebhookSender.open({ url: server.url, concurrency: 3, threads })
    expect(await deliver(sender, 300)).toBe(0)
    expect(server.seen.connections).toBeLessThanOrEqual(3)
    expect(server.seen.taken).toHaveLength(300)
  })

  test('a server that closes connections at the moment of reuse receives every event', async () => {
    await using server = await receiver({ closeAfter: 3 })
    await using sender = await WebhookSender.open({ url: server.url })
    await deliver(sender, 300)
    expect(new Set(server.seen.taken).size).toBe(300)
    expect(server.seen.connections).toBeGreaterThan(10)
  })

  test('a server that keeps idle connections only shortly is not sent to over one that it has closed', async () => {
    await using server = await receiver({ keepAliveTimeout: 1_000 })
    await using sender = await WebhookSender.open({ url: server.url })
    expect(await sender.failure(1)).toBeNull()
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(await sender.failure(2)).toBeNull()
    expect(server.seen.taken).toEqual([1, 2])
  })
})
