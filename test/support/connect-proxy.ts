import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** An HTTP proxy that makes tunnels (CONNECT) for whoever sends a login. */
export class ConnectProxy implements AsyncDisposable {
  readonly asked: { readonly target: string | undefined; readonly login: string | undefined }[] = []
  refuses = false
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor() {
    this.server = createServer().on('connect', (request: IncomingMessage, client: Socket) => this.link(request, client))
  }

  static async start(): Promise<ConnectProxy> {
    const proxy = new ConnectProxy()
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

  private link(request: IncomingMessage, client: Socket): void {
    const login = request.headers['proxy-authorization']
    this.asked.push({ target: request.url, login })
    this.sockets.add(client)
    if (login === undefined || this.refuses) {
      return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    }
    const [name, port] = request.url!.split(':')
    const upstream = connect(Number(port), name, () => client.write('HTTP/1.1 200 Connection Established\r\n\r\n'))
    upstream.pipe(client).pipe(upstream)
    for (const socket of [client, upstream]) {
      this.sockets.add(socket)
      socket.on('error', () => [client, upstream].map((each) => each.destroy()))
    }
  }
}
