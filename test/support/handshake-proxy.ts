import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { framed, refusal } from './login-packets.ts'

const HEADER_BYTES = 4

/** What comes instead of the next packet: the end, nothing, a refusal, other bytes, or a part of it. */
export const ENDINGS = ['cut', 'silence', 'error', 'garbled', 'short'] as const
export type Ending = (typeof ENDINGS)[number]

/** ER_CON_COUNT_ERROR: a refusal that passes by itself. */
const TOO_MANY_CONNECTIONS = 1040

/**
 * A proxy in front of a MySQL or MariaDB that lets so many of the server's packets of each connection pass, and then
 * spoils it.
 */
export class HandshakeProxy implements AsyncDisposable {
  readonly host = '127.0.0.1'
  /** Of the server, per connection; Infinity: all. */
  packets = Number.POSITIVE_INFINITY
  ending: Ending = 'cut'
  /** Connections that were stopped. */
  stopped = 0
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(upstream: { readonly host: string; readonly port: number }) {
    this.server = createServer((client) => this.link(client, connect(upstream)))
  }

  static async start(upstream: { readonly host: string; readonly port: number }): Promise<HandshakeProxy> {
    const proxy = new HandshakeProxy(upstream)
    await once(proxy.server.listen(0, '127.0.0.1'), 'listening')
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
    const { packets, ending } = this
    const both = [client, upstream]
    for (const socket of both) {
      this.sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.sockets.delete(socket)
        for (const each of both) each.destroy()
      })
    }
    client.on('data', (bytes) => upstream.write(bytes))
    let passed = 0
    let pending = Buffer.alloc(0)
    const stop = (): void => {
      this.stopped++
      if (ending === 'cut') client.destroy()
    }
    if (packets === 0) stop()
    upstream.on('data', (bytes: Buffer) => {
      if (!Number.isFinite(packets)) return void client.write(bytes)
      pending = Buffer.concat([pending, bytes])
      while (pending.length >= HEADER_BYTES && passed <= packets) {
        const end = HEADER_BYTES + pending.readUIntLE(0, 3)
        if (pending.length < end) return
        const packet = pending.subarray(0, end)
        pending = pending.subarray(end)
        if (passed++ === packets) client.write(spoilt(packet, ending))
        else client.write(packet)
        if (passed === packets) setImmediate(stop)
      }
    })
  }
}

function spoilt(packet: Buffer, ending: Ending): Buffer {
  const sequence = packet[HEADER_BYTES - 1]!
  const payload = packet.subarray(HEADER_BYTES)
  switch (ending) {
    case 'cut':
    case 'silence':
      return Buffer.alloc(0)
    case 'error':
      return framed(sequence, refusal(TOO_MANY_CONNECTIONS, 'Too many connections'))
    case 'garbled':
      return framed(sequence, Buffer.from(payload.map((byte, i) => byte ^ (0x5a + i))))
    case 'short':
      return framed(sequence, payload.subarray(0, payload.length >> 1))
  }
}
