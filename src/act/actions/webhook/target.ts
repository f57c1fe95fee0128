import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Agent, request as send } from 'undici'
import type { DeliveryFailure, Job, SendResult, Target } from '../../../core/action.ts'
import { BingoError } from '../../../core/errors.ts'
import { classify, HTTP_STATUSES } from '../../classify.ts'
import { codeOf, deliveryFailure, reasonOf } from '../../failure.ts'
import { BEHIND } from '../../in-order.ts'
import { webhookConnector } from './connector.ts'
import type { WebhookActionOptions, WebhookTargetOptions } from './options.ts'
import { bodyOf, planRequests } from './requests.ts'
import type { WebhookRequest } from './requests.ts'
import { retryAfterMs } from './retry-after.ts'
import { signatureHeaders, webhookId } from './signature.ts'

const MAX_BATCH = 1_000
/** What is read of an answer; the rest is cut off. Only the status matters. */
const MAX_RESPONSE_BYTES = 4_096
const MIN_GZIP_BYTES = 1_024
/** These say nothing about one event of a batch: sending the events one by one would be refused all the same. */
const REFUSES_EVERYTHING = new Set([401, 402, 403, 404, 405, 406, 407, 410, 415, 426, 431])
const compress = promisify(gzip)

/** One origin (or, with dynamicHost, all of them): connection pool, concurrency and address policy. */
export class WebhookTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency: number
  readonly #agent: Agent
  readonly #dynamicHost: boolean

  constructor(options: WebhookTargetOptions) {
    this.maxConcurrency = options.concurrency
    this.#dynamicHost = options.origin === null
    this.#agent = new Agent({
      connect: webhookConnector(options),
      allowH2: options.http2,
      connections: options.concurrency,
      pipelining: 1,
      // The action's timeout is the deadline of all of it; these count per chunk and would only get in its way.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 4_000,
    })
  }

  async send(jobs: readonly Job[], signal: AbortSignal): Promise<SendResult> {
    const failures: (DeliveryFailure | null)[] = Array.from({ length: jobs.length }, () => null)
    const failedRows = new Set<string>()
    let down: DeliveryFailure | null = null
    for (const request of planRequests(jobs)) {
      if (down !== null) failures.fill(down, request.from, request.to)
      else down = await this.#sendInOrder(jobs, request, signal, failures, failedRows)
    }
    return failures.some((failure) => failure !== null) ? failures : undefined
  }

  /** Sends a request, and where a batch is refused its halves, so that one poisonous event does not take the others along. */
  async #sendInOrder(
    jobs: readonly Job[],
    request: WebhookRequest,
    signal: AbortSignal,
    failures: (DeliveryFailure | null)[],
    failedRows: Set<string>,
  ): Promise<DeliveryFailure | null> {
    if (blocked(jobs, request, failedRows)) {
      if (request.to - request.from > 1) return this.#sendHalves(jobs, request, signal, failures, failedRows)
      failures[request.from] = BEHIND
      return null
    }
    const outcome = await this.#exchange(jobs, request, signal)
    if (outcome === null) return null
    const { failure, divisible } = outcome
    if (divisible && request.to - request.from > 1) {
      return this.#sendHalves(jobs, request, signal, failures, failedRows)
    }
    failures.fill(failure, request.from, request.to)
    for (let i = request.from; i < request.to; i++) failedRows.add(jobs[i]!.rowKey)
    return failure.kind === 'down' ? failure : null
  }

  async #sendHalves(
    jobs: readonly Job[],
    request: WebhookRequest,
    signal: AbortSignal,
    failures: (DeliveryFailure | null)[],
    failedRows: Set<string>,
  ): Promise<DeliveryFailure | null> {
    const middle = (request.from + request.to) >> 1
    const always = (jobs[0]!.action.options as WebhookActionOptions).batch === 'always'
    const half = (from: number, to: number): WebhookRequest => ({
      ...request,
      from,
      to,
      wrapped: always || to - from > 1,
    })
    const down = await this.#sendInOrder(jobs, half(request.from, middle), signal, failures, failedRows)
    if (down !== null) {
      failures.fill(down, middle, request.to)
      return down
    }
    return this.#sendInOrder(jobs, half(middle, request.to), signal, failures, failedRows)
  }

  /** One request and its answer; null when it was taken. `divisible`: a batch that may be taken in parts. */
  async #exchange(
    jobs: readonly Job[],
    request: WebhookRequest,
    signal: AbortSignal,
  ): Promise<{ failure: DeliveryFailure; divisible: boolean } | null> {
    const { action } = jobs[request.from]!
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(action.timeoutMs)])
    try {
      const { headers, body } = await encode(jobs, request)
      const { method } = action.options as WebhookActionOptions
      const answer = await send(request.url, { dispatcher: this.#agent, method, headers, body, signal: deadline })
      // The status has come, so the answer is known: what is left of the body is cut off, not waited for.
      answer.body.dump({ limit: MAX_RESPONSE_BYTES, signal: deadline }).catch(() => undefined)
      const status = answer.statusCode
      if (status >= 200 && status < 300) return null
      const failure = this.#refusal(request.url, status, retryAfterMs(answer.headers['retry-after'], Date.now()))
      return { failure, divisible: failure.kind === 'poison' && !REFUSES_EVERYTHING.has(status) }
    } catch (error) {
      return { failure: this.#outage(request.url, error, action.timeoutMs), divisible: false }
    }
  }

  #refusal(url: string, status: number, pauseMs: number | undefined): DeliveryFailure {
    const kind = this.#perHost(classify(HTTP_STATUSES, String(status)))
    const hint =
      status < 400 ? 'Redirects are not followed: write the address that it points to into the rule.' : undefined
    const message = `${URL.parse(url)?.origin} answered ${status}`
    return deliveryFailure(kind, 'BINGO_WEBHOOK_STATUS', message, { hint, retryAfterMs: pauseMs })
  }

  #outage(url: string, error: unknown, timeoutMs: number): DeliveryFailure {
    const origin = URL.parse(url)?.origin
    if (error instanceof BingoError) return { kind: this.#dynamicHost ? 'poison' : 'down', error }
    if (error instanceof Error && error.name === 'TimeoutError') {
      const message = `${origin} did not answer within ${timeoutMs} ms`
      return deliveryFailure(this.#perHost('down'), 'BINGO_WEBHOOK_TIMEOUT', message, { cause: error })
    }
    const message = `${origin} cannot be reached: ${reasonOf(error)}`
    const hint = TLS_ERROR.test(codeOf(error) ?? '')
      ? 'The certificate is not trusted: give its authority in `tls.ca`. Verification cannot be switched off.'
      : undefined
    return deliveryFailure(this.#perHost('down'), 'BINGO_WEBHOOK_UNREACHABLE', message, { hint, cause: error })
  }

  /** With dynamicHost, one host that is down says nothing about the others: the target as a whole stays up. */
  #perHost(kind: DeliveryFailure['kind']): DeliveryFailure['kind'] {
    return this.#dynamicHost && kind === 'down' ? 'unknown' : kind
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

const TLS_ERROR = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/

/** Whether an earlier event of one of these rows failed in this send: a later one must not overtake it (invariant 2). */
function blocked(jobs: readonly Job[], request: WebhookRequest, failedRows: ReadonlySet<string>): boolean {
  if (failedRows.size === 0) return false
  for (let i = request.from; i < request.to; i++) if (failedRows.has(jobs[i]!.rowKey)) return true
  return false
}

async function encode(
  jobs: readonly Job[],
  request: WebhookRequest,
): Promise<{ headers: string[]; body: string | Buffer }> {
  const options = jobs[request.from]!.action.options as WebhookActionOptions
  const json = bodyOf(jobs, request)
  const id = webhookId(jobs.slice(request.from, request.to).map((job) => job.change.id))
  const headers = [
    'user-agent',
    'bingo',
    ...request.headers,
    ...signatureHeaders(id, json, options.secrets, Date.now()),
  ]
  if (!request.headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === 'content-type')) {
    headers.push('content-type', request.wrapped ? 'application/json' : options.contentType)
  }
  if (!options.gzip || json.length < MIN_GZIP_BYTES) return { headers, body: json }
  headers.push('content-encoding', 'gzip')
  return { headers, body: await compress(json) }
}
