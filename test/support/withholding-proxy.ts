import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

const HEADER_BYTES = 4
const SEQUENCE_AT = 3
const COMMANDS_OF_DUMPS = [0x12, 0x1e]
/** In a packet: behind its header, the OK byte and the event's timestamp. */
const EVENT_TYPE_AT = HEADER_BYTES + 1 + 4
const HEARTBEATS = [27, 41]
/** Without these no dump begins: rotate, format description, previous GTIDs (MySQL, MariaDB's list). */
const PREAMBLE = [4, 15, 35, 163]

/**
 * Stands between BinGo and a server as a replication proxy would that has lost its own upstream: while it withholds, no
 * event passes, the heartbeats go on and tell the place where it stands, and packets are numbered without a hole. All
 * other connections pass as they are. Events stay below 16 MB and without TLS.
 */
export class WithholdingProxy implements AsyncDisposable {
  withholds = false
  /** Events that did not pass. */
  withheld = 0
  /** The newest heartbeat that passed, to be repeated. */
  heartbeat: Buffer | null = null
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.server = server
  }

  static async start(upstream: { host: string; port: number }): Promise<WithholdingProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new WithholdingProxy(server)
    server.on('connection', (client) => proxy.link(client, connect(upstream)))
    return proxy
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
    await once(this.server, 'close')
  }

  private link(client: Socket, upstream: Socket): void {
    let dump: DumpStream | null = null
    for (const socket of [client, upstream]) {
      this.sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk: Buffer) => {
      if (chunk[SEQUENCE_AT] === 0 && COMMANDS_OF_DUMPS.includes(chunk[HEADER_BYTES]!)) dump = new DumpStream(this)
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      client.write(dump === null ? chunk : dump.pass(chunk))
    })
  }
}

/** What the server sends on one connection from the dump command on. */
class DumpStream {
  private readonly proxy: WithholdingProxy
  private rest = Buffer.alloc(0)
  private sequence = 1
  /** What was withheld on this connection does not come on it any more. */
  private hasLost = false

  constructor(proxy: WithholdingProxy) {
    this.proxy = proxy
  }

  pass(chunk: Buffer): Buffer {
    this.rest = Buffer.concat([this.rest, chunk])
    const passed: Buffer[] = []
    for (;;) {
      const size = this.rest.length < HEADER_BYTES ? Infinity : HEADER_BYTES + this.rest.readUIntLE(0, 3)
      if (this.rest.length < size) return Buffer.concat(passed)
      const packet = this.choose(Buffer.from(this.rest.subarray(0, size)))
      this.rest = this.rest.subarray(size)
      if (packet !== null) passed.push(this.numbered(packet))
    }
  }

  private choose(packet: Buffer): Buffer | null {
    const { proxy } = this
    const type = packet[EVENT_TYPE_AT] ?? 0
    const withholds = proxy.withholds || this.hasLost
    if (HEARTBEATS.includes(type)) {
      if (!withholds) proxy.heartbeat = packet
      return proxy.heartbeat
    }
    if (!withholds || PREAMBLE.includes(type)) return packet
    proxy.withheld += 1
    this.hasLost = true
    return null
  }

  private numbered(packet: Buffer): Buffer {
    const copy = Buffer.from(packet)
    copy[SEQUENCE_AT] = this.sequence++ & 0xff
    return copy
  }
}
