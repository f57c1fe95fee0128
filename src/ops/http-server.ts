import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { BingoError } from '../model/errors.ts'
import type { DropResult, PauseResult } from '../model/delivery/deliveries.ts'
import type { Health } from './health.ts'
import type { Scope } from '../events/settings.ts'
import { answerWith, json, unauthorised, type Page } from './page.ts'
import { Tokens } from './tokens.ts'

export interface HttpServerOptions {
  readonly host: string
  readonly port: number
  /** Who may see /metrics, /status and the details of /readyz. Where there are none everybody may, for loopback only. */
  readonly tokens: Tokens
  readonly limits?: HttpLimits
}

export interface HttpPages {
  readonly health: () => Health
  /** Prometheus text. */
  readonly metrics: () => Promise<string>
  readonly status: () => Promise<object>
  readonly dropTarget: (target: string) => DropResult
  /** Pauses or resumes a target. Rejects when that cannot be stored. */
  readonly setTargetPaused: (target: string, isPaused: boolean, by: string) => Promise<PauseResult>
  /** Evaluates what waits for a suspended rule again; false: the rule is not suspended. */
  readonly resumeRule: (rule: string) => boolean
  /** Answers everything below /api/, and /openapi.json; absent: there is no such thing. */
  readonly api?: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined
}

/** What one client, or many, may take of us. */
export interface HttpLimits {
  /** A request has to be there completely within this time. */
  readonly requestMs: number
  /** Beyond it new connections are closed at once. */
  readonly connections: number
}

/**
 * Not imported: an import of this module reads all that it exports, and with that loads Node's whole web client, 14 MB of
 * memory that nothing here uses.
 */
const { createServer } = process.getBuiltinModule('node:http')

const LIMITS: HttpLimits = { requestMs: 10_000, connections: 256 }
const DROP_PATH = '/targets/drop'
const RESUME_PATH = '/rules/resume'
const PAUSE_PATH = '/targets/pause'
const RESUME_TARGET_PATH = '/targets/resume'
const POSTED: ReadonlySet<string> = new Set([DROP_PATH, RESUME_PATH, PAUSE_PATH, RESUME_TARGET_PATH])
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * The admin server: /healthz, /readyz, /metrics and /status by GET and HEAD; /targets/drop?target=ID and
 * /rules/resume?rule=ID by POST; and the API of posted events.
 */
export class HttpServer implements AsyncDisposable {
  private readonly server: Server
  private readonly options: HttpServerOptions
  private readonly pages: HttpPages
  /** The `Host` that was good the last time. */
  private ownName: string | null = null

  private constructor(options: HttpServerOptions, pages: HttpPages) {
    this.options = options
    this.pages = pages
    const { requestMs, connections } = options.limits ?? LIMITS
    this.server = createServer(
      // Node.js looks for late requests only now and then, by default every 30 s.
      { headersTimeout: requestMs, requestTimeout: requestMs, connectionsCheckingInterval: requestMs / 4 },
      (request, response) => this.answer(request, response),
    )
    this.server.maxConnections = connections
  }

  /** Listens. Throws BINGO_HTTP_LISTEN when the address cannot be used. */
  static async open(options: HttpServerOptions, pages: HttpPages): Promise<HttpServer> {
    const http = new HttpServer(options, pages)
    try {
      http.server.listen(options.port, options.host)
      await once(http.server, 'listening')
    } catch (cause) {
      throw new BingoError(
        'BINGO_HTTP_LISTEN',
        `cannot listen on ${options.host}:${options.port} (${(cause as NodeJS.ErrnoException).code ?? 'error'})`,
        {
          hint: 'Set http.listen (BINGO_HTTP_LISTEN) to a free port or to "off". Another BinGo may be running.',
          cause,
        },
      )
    }
    return http
  }

  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' && address !== null ? address.port : this.options.port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }

  /** The API answers by itself, at once: posts come by the ten thousand a second. */
  private answer(request: IncomingMessage, response: ServerResponse): void {
    const [path = '/', query = ''] = (request.url ?? '/').split('?')
    const isApi = this.pages.api !== undefined && (path.startsWith('/api/') || path === '/openapi.json')
    const refused = this.refused(request, isApi || POSTED.has(path))
    const failed = (error: unknown): void => {
      if (response.headersSent) response.destroy()
      else answerWith(request, response, json(500, { error: (error as Error).message }))
    }
    if (refused !== null) answerWith(request, response, refused)
    else if (isApi) this.pages.api!(request, response).catch(failed)
    else this.page(path, query, request).then((page) => answerWith(request, response, page), failed)
  }

  /** Of a request that is answered without a look at what it asks for. */
  private refused(request: IncomingMessage, mayPost: boolean): Page | null {
    const { method } = request
    if (method === 'POST' ? !mayPost : method !== 'GET' && method !== 'HEAD') return json(405, { error: 'GET only' })
    if (hasSeveralHosts(request)) return json(400, { error: 'send one Host header only' })
    const refusal = this.refusal(request)
    return refusal === null ? null : json(403, { error: refusal })
  }

  private async page(path: string, query: string, request: IncomingMessage): Promise<Page> {
    const { method } = request
    switch (path) {
      case '/healthz':
        return json(200, { alive: true })
      case '/readyz': {
        const health = this.pages.health()
        return json(health.ready ? 200 : 503, this.may(request, 'read') ? health : { ready: health.ready })
      }
      case '/metrics':
        if (!this.may(request, 'metrics')) return this.unauthorised(request)
        return { status: 200, type: METRICS_TYPE, body: await this.pages.metrics() }
      case '/status':
        return this.may(request, 'read') ? json(200, await this.pages.status()) : this.unauthorised(request)
      case DROP_PATH:
      case PAUSE_PATH:
      case RESUME_TARGET_PATH:
      case RESUME_PATH: {
        if (!this.may(request, 'operate')) return this.unauthorised(request)
        if (method !== 'POST') return json(404, { error: 'POST only' })
        return this.operate(path, new URLSearchParams(query), request)
      }
      default:
        return json(404, { error: 'not found; the paths are /healthz, /readyz, /metrics and /status' })
    }
  }

  private operate(path: string, given: URLSearchParams, { headers }: IncomingMessage): Page | Promise<Page> {
    const target = given.get('target') ?? ''
    if (path === DROP_PATH) return this.drop(target)
    if (path === RESUME_PATH) return this.resume(given.get('rule') ?? '')
    return this.setPaused(target, path === PAUSE_PATH, this.options.tokens.callerOf(headers.authorization)!.name)
  }

  private async setPaused(target: string, isPaused: boolean, by: string): Promise<Page> {
    const result = await this.pages.setTargetPaused(target, isPaused, by)
    switch (result) {
      case 'done':
        return json(200, { target, paused: isPaused })
      case 'unknown':
        return json(404, { error: `no action of a rule or saga has target "${target}"` })
      case 'not paused':
        return json(409, { error: `target "${target}" is not paused` })
      case 'not leading':
        return json(503, { error: 'the daemon is starting, or another instance leads' })
    }
  }

  private drop(target: string): Page {
    const result = this.pages.dropTarget(target)
    if (result === 'unknown') return json(404, { error: `target "${target}" does not exist` })
    if (result === 'named')
      return json(409, {
        error: `rules or sagas still reference target "${target}"; remove them first (instances keep the definition that they began with)`,
      })
    return json(200, result)
  }

  private resume(rule: string): Page {
    if (this.pages.resumeRule(rule)) return json(200, { resumed: rule })
    return json(409, { error: `rule "${rule}" is not suspended` })
  }

  /** A page in someone's browser must not read us: neither by a name that resolves to us nor from another origin. */
  private refusal(request: IncomingMessage): string | null {
    const { host = '' } = request.headers
    if (this.options.tokens.areNone && !this.isOwnName(host)) return 'unknown Host'
    const { origin } = request.headers
    if (origin !== undefined && origin !== `http://${host}`) return 'cross-origin requests are refused'
    return null
  }

  /** Clients name the same host in each of their requests. */
  private isOwnName(host: string): boolean {
    if (host === this.ownName) return true
    const name = hostName(host)
    if (name !== 'localhost' && isIP(name) === 0) return false
    this.ownName = host
    return true
  }

  private may(request: IncomingMessage, scope: Scope): boolean {
    return this.options.tokens.callerOf(request.headers.authorization)?.scopes.has(scope) === true
  }

  private unauthorised(request: IncomingMessage): Page {
    if (this.options.tokens.callerOf(request.headers.authorization) === null) return unauthorised()
    return json(403, { error: 'the token lacks the scope for this page' })
  }
}

/** Node.js keeps the first of them; its list of all values of each header takes longer to make than this. */
function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts > 1
}

function hostName(host: string): string {
  return host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
}
