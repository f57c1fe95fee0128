import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** The end of the headers of an answer, and its length. */
const HEAD_END = '\r\n\r\n'
const LENGTH = /content-length: (\d+)/i

/**
 * Connections that are kept alive, one request on each at a time, written as bytes: what measures has to cost less than what is
 * measured, and on two cores a client library takes one of them.
 */
export class KeepAlive {
  readonly #idle: Connection[]
  readonly #all: readonly Connection[]
  readonly #waiting: ((connection: Connection) => void)[] = []

  private constructor(connections: Connection[]) {
    this.#all = connections
    this.#idle = connections.slice()
  }

  static async open(port: number, connections: number): Promise<KeepAlive> {
    return new KeepAlive(await Promise.all(Array.from({ length: connections }, () => Connection.open(port))))
  }

  /** Rejects where the answer is not 200. */
  async post(path: string, body: string): Promise<string> {
    // The one that waited longest: a server closes those that nobody uses for some seconds.
    const connection = this.#idle.shift() ?? (await new Promise<Connection>((resolve) => this.#waiting.push(resolve)))
    try {
      return await connection.post(path, body)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#idle.push(connection)
      else next(connection)
    }
  }

  close(): void {
    for (const connection of this.#all) connection.close()
  }
}

class Connection {
  readonly #socket: Socket
  #answer: PromiseWithResolvers<string> | null = null
  #text = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true).setEncoding('latin1')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', (error) => this.#answer?.reject(error))
    socket.on('close', () => this.#answer?.reject(new Error('the connection was closed')))
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, '127.0.0.1')
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Connection(socket)
  }

  post(path: string, body: string): Promise<string> {
    this.#answer = Promise.withResolvers()
    const length = Buffer.byteLength(body)
    this.#socket.write(
      `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`,
    )
    return this.#answer.promise
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(text: string): void {
    this.#text += text
    const end = this.#text.indexOf(HEAD_END)
    if (end < 0) return
    const length = Number(LENGTH.exec(this.#text.slice(0, end))?.[1] ?? NaN)
    if (this.#text.length < end + HEAD_END.length + length) return
    const [answer, whole] = [this.#answer!, this.#text]
    this.#text = ''
    if (whole.startsWith('HTTP/1.1 200 ')) answer.resolve(whole.slice(end + HEAD_END.length))
    else answer.reject(new Error(whole))
  }
}
