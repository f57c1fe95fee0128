import { openAgent, openProxyAgent } from '../../clients/http.ts'
import type { Dispatcher } from 'undici'
import { ConnectionAge } from '../plan/connection-age.ts'
import { readTls } from '../tls-files.ts'
import { webhookConnector } from './connector.ts'
import type { WebhookTargetOptions } from './options.ts'

/** Shorter than the 5 s after which Node.js and many proxies close an idle connection; a server's own hint is followed. */
const KEEP_ALIVE_MS = 4_000

/** The keep-alive connections of a target, to one origin or, with dynamicHost, to many. */
export class Connections {
  private readonly options: WebhookTargetOptions
  private agent: Dispatcher
  private readonly retired = new Set<Dispatcher>()
  private readonly age: ConnectionAge

  constructor(options: WebhookTargetOptions) {
    this.options = options
    this.agent = newAgent(options)
    this.age = new ConnectionAge(options.maxConnectionAgeMs)
  }

  get dispatcher(): Dispatcher {
    if (this.age.isOver) this.replace()
    return this.agent
  }

  /**
   * After a request over `used` had no answer in time: over HTTP/2 only its stream has ended, and the connection below may
   * be dead without a sign of it. New requests get new connections; those under way may end.
   */
  renew(used: Dispatcher): void {
    if (used === this.agent && this.options.http2) this.replace()
  }

  /** What is under way ends on the old connections. */
  private replace(): void {
    this.age.begin()
    const old = this.agent
    this.agent = newAgent(this.options)
    this.retired.add(old)
    void old.close().finally(() => this.retired.delete(old))
  }

  async close(): Promise<void> {
    await Promise.all([this.agent, ...this.retired].map((agent) => agent.destroy()))
  }
}

function newAgent(options: WebhookTargetOptions): Dispatcher {
  const common = {
    connections: options.concurrency,
    pipelining: 1,
    // The action's timeout is the deadline of all of it; these count per chunk and would only get in its way.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
  }
  if (options.proxy === null) {
    return openAgent({ ...common, connect: webhookConnector(options), allowH2: options.http2 })
  }
  // By CONNECT for http:// as well, so that an answer of the proxy is never taken for one of the receiver.
  return openProxyAgent({ ...common, uri: options.proxy, requestTls: readTls(options.tls), proxyTunnel: true })
}
