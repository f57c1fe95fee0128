import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedRequest {
  readonly at: number
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly status: number
}

/** A web server that notes what it got and answers as told. */
export class WebhookReceiver implements AsyncDisposable {
  readonly requests: ReceivedRequest[] = []
  /** Chooses the status of the next answer; may answer by itself and return undefined. */
  answer: (body: string, response: ServerResponse) => number | undefined = () => 204
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
  }

  static async start(): Promise<WebhookReceiver> {
    const server = createServer()
    const receiver = new WebhookReceiver(server)
    server.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8')
        const status = receiver.answer(body, response)
        receiver.requests.push({
          at: performance.now(),
          path: request.url ?? '',
          headers: request.headers,
          body,
          status: status ?? 0,
        })
        if (status !== undefined) response.writeHead(status).end()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Parsed bodies of the requests answered with 2xx; batches unfolded. */
  delivered(): { readonly [key: string]: unknown }[] {
    return this.requests
      .filter(({ status }) => status >= 200 && status < 300)
      .flatMap(({ body }) => {
        const parsed = JSON.parse(body) as { events?: { [key: string]: unknown }[] } & { [key: string]: unknown }
        return parsed.events ?? [parsed]
      })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }
}
