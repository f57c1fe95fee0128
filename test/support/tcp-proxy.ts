import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

interface Link {
  readonly client: Socket
  readonly upstream: Socket
  /** Passes nothing any more, and tells nobody. */
  stranded: boolean
}

/**
 * A TCP proxy between BinGo and one server that misbehaves when told to: cuts, goes half-open, drops replies, delays,
 * trickles, flips a byte, leads to another server.
 */
export class TcpProxy implements AsyncDisposable {
  /** Delay of every chunk in both directions. */
  latencyMs = 0
  /** Chunks are swallowed without closing anything: to both sides the network looks dead. */
  halfOpen = false
  /** Replies that a dead line has swallowed. */
  swallowed = 0
  /** Requests pass, replies do not. */
  dropReplies = false
  /** Flips one bit of the reply byte at this distance from now, then resets itself. */
  flipReplyByteAfter: number | null = null
  /** Flips one bit of every reply that holds this text, at its first letter. */
  flipRepliesWith: string | null = null
  /** Replies pass at this rate; null: as fast as they come. */
  replyBytesPerSecond: number | null = null
  private readonly server: Server
  private readonly links = new Set<Link>()
  private upstream: { readonly host: string; readonly port: number }

  private constructor(server: Server, upstream: { host: string; port: number }) {
    this.server = server
    this.upstream = upstream
  }

  static async start(upstream: { host: string; port: number }): Promise<TcpProxy> {
    const server = createServer()
    const proxy = new TcpProxy(server, upstream)
    server.on('connection', (client) => proxy.link(client))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Connections that the client's side has not closed. */
  get connections(): number {
    return [...this.links].filter(({ client }) => !client.closed).length
  }

  /** Leads new connections elsewhere. */
  repoint(upstream: { host: string; port: number }): void {
    this.upstream = upstream
  }

  /**
   * Sends bytes to a client as if its server had, and nothing of the server's from then on. `port`: of the connection as
   * the server sees it. Resolves when the bytes are on their way; false when the client has gone.
   */
  async inject(port: number, bytes: Buffer): Promise<boolean> {
    const link = [...this.links].find(({ upstream }) => upstream.localPort === port)
    if (link === undefined || !link.client.writable) return false
    link.upstream.removeAllListeners('data').pause()
    return await new Promise((done) => link.client.write(bytes, (error) => done(!error)))
  }

  /** Resets every connection. */
  cut(): void {
    for (const { client, upstream } of this.links) {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
  }

  /** Every connection so far stays dead for good and is not closed, as when a firewall has forgotten it; new ones pass. */
  strand(): void {
    for (const link of this.links) link.stranded = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close()
    this.cut()
    await once(this.server, 'close')
  }

  private link(client: Socket): void {
    const upstream = connect(this.upstream)
    const link = { client, upstream, stranded: false }
    this.links.add(link)
    const end = () => {
      this.links.delete(link)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', () => (this.halfOpen || link.stranded ? undefined : end()))
    }
    client.on('data', (chunk: Buffer) => this.forward(link, upstream, chunk))
    upstream.on('data', (chunk: Buffer) => {
      if (!this.dropReplies) this.forward(link, client, this.flip(chunk))
      this.rest(upstream, chunk.length)
    })
  }

  private forward(link: Link, to: Socket, chunk: Buffer): void {
    if (this.halfOpen || link.stranded) {
      if (to === link.client) this.swallowed += 1
      return
    }
    if (this.latencyMs === 0) to.write(chunk)
    else setTimeout(() => to.writable && to.write(chunk), this.latencyMs)
  }

  /** The server's side of a thin line: it may not send on before this chunk is through. */
  private rest(upstream: Socket, bytes: number): void {
    if (this.replyBytesPerSecond === null) return
    upstream.pause()
    setTimeout(() => upstream.resume(), (bytes * 1_000) / this.replyBytesPerSecond)
  }

  private flip(chunk: Buffer): Buffer {
    const marked = this.flipRepliesWith === null ? -1 : chunk.indexOf(this.flipRepliesWith)
    if (marked >= 0) return flipped(chunk, marked)
    const after = this.flipReplyByteAfter
    if (after === null) return chunk
    if (after >= chunk.length) {
      this.flipReplyByteAfter = after - chunk.length
      return chunk
    }
    this.flipReplyByteAfter = null
    return flipped(chunk, after)
  }
}

function flipped(chunk: Buffer, at: number): Buffer {
  const copy = Buffer.from(chunk)
  copy[at]! ^= 0x10
  return copy
}
