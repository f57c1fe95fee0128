import { Agent } from 'undici'
import type { Dispatcher } from 'undici'
import { webhookConnector } from './connector.ts'
import type { WebhookTargetOptions } from './options.ts'

/** Shorter than the 5 s after which Node.js and many proxies close an idle connection; a server's own hint is followed. */
const KEEP_ALIVE_MS = 4_000

/** The keep-alive connections of a target, to one origin or, with dynamicHost, to many. */
export class Connections {
  private readonly options: WebhookTargetOptions
  private agent: Agent
  private readonly retired = new Set<Agent>()

  constructor(options: WebhookTargetOptions) {
    this.options = options
    this.agent = newAgent(options)
  }

  get dispatcher(): Dispatcher {
    return this.agent
  }

  /**
   * After a request over `used` had no answer in time: over HTTP/2 only its stream has ended, and the connection below may
   * be dead without a sign of it. New requests get new connections; those under way may end.
   */
  renew(used: Dispatcher): void {
    if (used !== this.agent || !this.options.http2) return
    const old = this.agent
    this.agent = newAgent(this.options)
    this.retired.add(old)
    void old.close().finally(() => this.retired.delete(old))
  }

  async close(): Promise<void> {
    await Promise.all([this.agent, ...this.retired].map((agent) => agent.destroy()))
  }
}

function newAgent(options: WebhookTargetOptions): Agent {
  return new Agent({
    connect: webhookConnector(options),
    allowH2: options.http2,
    connections: options.concurrency,
    pipelining: 1,
    // The action's timeout is the deadline of all of it; these count per chunk and would only get in its way.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
  })
}
