import { once } from 'node:events'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext, createServer } from 'node:tls'
import type { Server } from 'node:tls'
import type { Certificate } from './certificates.ts'

/**
 * TLS in front of a server that speaks plain text, which shows its certificate only to those who call it by a name
 * (SNI), as the fronts of hosted databases do; others get `stranger`.
 */
export class TlsFront implements AsyncDisposable {
  /** By which it was called, in order. */
  readonly names: string[] = []
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(certificate: Certificate, stranger: Certificate) {
    const SNICallback = (
      name: string,
      done: (error: null, context: ReturnType<typeof createSecureContext>) => void,
    ) => {
      this.names.push(name)
      done(null, createSecureContext(certificate))
    }
    this.server = createServer({ cert: stranger.cert, key: stranger.key, SNICallback })
  }

  static async start(certificate: Certificate, stranger: Certificate): Promise<TlsFront> {
    const front = new TlsFront(certificate, stranger)
    front.server.on('tlsClientError', () => undefined)
    await once(front.server.listen(0, '127.0.0.1'), 'listening')
    return front
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Where the bytes go; to be called once, when that server is known. */
  lead(upstream: { readonly host: string; readonly port: number }): void {
    this.server.on('secureConnection', (client) => {
      const server = connect(upstream)
      for (const socket of [client, server]) {
        this.sockets.add(socket)
        socket.on('error', () => undefined).on('close', () => [client, server].forEach((each) => each.destroy()))
      }
      client.pipe(server).pipe(client)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
    await once(this.server, 'close')
  }
}
