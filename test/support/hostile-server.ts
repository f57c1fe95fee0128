import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** Called with what a client sent, in the pieces in which it came. */
export type Answer = (socket: Socket, bytes: Buffer) => void

/** A TCP server that answers whatever it likes. */
export class HostileServer implements AsyncDisposable {
  readonly host = '127.0.0.1'
  connections = 0
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.server = server
  }

  /** `greet` is called for every new connection, before the client has said anything. */
  static async start(answer: Answer, greet: (socket: Socket) => void = () => undefined): Promise<HostileServer> {
    const server = createServer()
    const hostile = new HostileServer(server)
    server.on('connection', (socket) => {
      hostile.connections += 1
      hostile.sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => hostile.sockets.delete(socket))
      socket.on('data', (bytes: Buffer) => answer(socket, bytes))
      greet(socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return hostile
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
    await once(this.server, 'close')
  }
}
