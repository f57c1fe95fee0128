import type { IncomingMessage } from 'node:http'
import type { IncomingBody } from './body.ts'
import { ApiError } from '../problem.ts'

/** A request that posts, whichever server took it in. */
export interface Incoming extends IncomingBody {
  /** Behind the question mark. */
  readonly query: string
  /** By its name in lower case; several of one name are joined by commas. */
  header(name: string): string | undefined
  /** All of them, the same way. */
  headers(): Iterable<readonly [name: string, value: string]>
}

/** One of the web: tests, and paths that only the router understands. */
export class WebIncoming implements Incoming {
  private readonly request: Request

  constructor(request: Request) {
    this.request = request
  }

  get query(): string {
    return queryOf(this.request.url)
  }

  get contentType(): string | undefined {
    return this.header('content-type')
  }

  get contentEncoding(): string | undefined {
    return this.header('content-encoding')
  }

  get length(): number | undefined {
    return lengthOf(this.header('content-length'))
  }

  header(name: string): string | undefined {
    return this.request.headers.get(name) ?? undefined
  }

  headers(): Iterable<readonly [string, string]> {
    return this.request.headers
  }

  async read(mostBytes: number): Promise<Uint8Array | null> {
    if (this.length !== undefined) return new Uint8Array(await this.request.arrayBuffer())
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of this.request.body ?? []) {
      size += part.length
      if (size > mostBytes) return null
      parts.push(part)
    }
    return Buffer.concat(parts)
  }
}

/** One of Node.js, without the web's request around it, which takes longer to make than storing an event does. */
export class NodeIncoming implements Incoming {
  private readonly request: IncomingMessage

  constructor(request: IncomingMessage) {
    this.request = request
  }

  get query(): string {
    return queryOf(this.request.url ?? '')
  }

  get contentType(): string | undefined {
    return this.request.headers['content-type']
  }

  get contentEncoding(): string | undefined {
    return this.request.headers['content-encoding']
  }

  get length(): number | undefined {
    return lengthOf(this.request.headers['content-length'])
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  *headers(): Iterable<readonly [string, string]> {
    for (const name of Object.keys(this.request.headers)) yield [name, this.header(name)!]
  }

  read(mostBytes: number): Promise<Uint8Array | null> {
    const { request, length } = this
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = []
      let size = 0
      const whole = (): void => resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
      request.on('data', (part: Buffer) => {
        size += part.length
        if (size > mostBytes) return resolve(null)
        parts.push(part)
        // What follows is the end of the request, which takes another turn.
        if (size === length) whole()
      })
      request.on('end', whole)
      const endedEarly = (): void => reject(new ApiError(400, 'BINGO_HTTP_ABORTED', 'the request ended early'))
      // The only error of a request is that its connection ended: nobody's mistake here.
      request.on('error', endedEarly)
      request.on('close', () => {
        if (!request.complete) endedEarly()
      })
    })
  }
}

function lengthOf(header: string | undefined): number | undefined {
  return header === undefined ? undefined : Number(header)
}

export function queryOf(url: string): string {
  const at = url.indexOf('?')
  if (at < 0) return ''
  const end = url.indexOf('#', at)
  return end < 0 ? url.slice(at + 1) : url.slice(at + 1, end)
}
