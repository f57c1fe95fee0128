import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** Writes an answer to a request by hand, in whatever shape; the request has been read up to the end of its body. */
export type RawAnswer = (socket: Socket) => void | Promise<void>

/** A TCP server whose answers need not be HTTP. Takes requests with `content-length`, one at a time. */
export class RawServer implements AsyncDisposable {
  answer: RawAnswer = (socket) => void socket.end()
  requests = 0
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.server = server
  }

  static async start(): Promise<RawServer> {
    const server = createServer()
    const raw = new RawServer(server)
    server.on('connection', (socket) => raw.serve(socket))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return raw
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`
  }

  get connections(): number {
    return this.sockets.size
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket))
    let unread = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk])
      const head = unread.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = Number(/content-length: (\d+)/i.exec(unread.toString('latin1', 0, head))?.[1] ?? 0)
      if (unread.length < head + 4 + length) return
      unread = unread.subarray(head + 4 + length)
      this.requests += 1
      void this.answer(socket)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
    await once(this.server, 'close')
  }
}

/** Writes as fast as the other side reads, until it hangs up. */
export function pour(socket: Socket, chunk: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', more)
  more()
}

/** Writes a byte every `everyMs`, until the text is over or the other side hangs up. */
export function drip(socket: Socket, text: string, everyMs: number): void {
  let at = 0
  const timer = setInterval(() => {
    if (at === text.length || socket.destroyed) clearInterval(timer)
    else socket.write(text[at++]!)
  }, everyMs)
  socket.on('close', () => clearInterval(timer))
}
