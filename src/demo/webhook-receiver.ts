import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the demo's CRM got: the bodies, in order, a batch taken apart. */
export class WebhookReceiver implements AsyncDisposable {
  readonly bodies: unknown[] = []
  onBody: (body: unknown) => void = () => undefined
  private readonly server: Server

  private constructor() {
    this.server = createServer((request, response) => {
      let text = ''
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      request.on('end', () => {
        this.take(text)
        response.writeHead(204).end()
      })
    })
  }

  static async open(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver()
    receiver.server.listen(0, '127.0.0.1')
    await once(receiver.server, 'listening')
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/users`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }

  private take(text: string): void {
    const body = JSON.parse(text) as { readonly events?: readonly unknown[] }
    for (const each of body.events ?? [body]) {
      this.bodies.push(each)
      this.onBody(each)
    }
  }
}
