import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { DeliveryFailure, Outcome, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { BEHIND, WITHHELD } from '../failure/in-order.ts'
import type { Answer } from './exchange.ts'
import { openExchanges } from './exchanges.ts'
import type { Exchanges } from './exchanges.ts'
import { outageOf, refusalOf } from './failures.ts'
import type { Refusal } from './failures.ts'
import type { WebhookActionOptions, WebhookTargetOptions } from './options.ts'
import { bodyOf, planRequests, Unanswered } from './requests.ts'
import type { WebhookRequest } from './requests.ts'
import { signatureHeaders, webhookId } from './signature.ts'

const MAX_BATCH = 1_000
/** Bytes that are read of an answer that is wanted. */
const MOST_VALUE = 65_536
const MIN_GZIP_BYTES = 1_024
const compress = promisify(gzip)

/** One origin (or, with dynamicHost, all of them): connections, concurrency and address policy. */
export class WebhookTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency: number
  readonly #exchanges: Exchanges
  readonly #options: WebhookTargetOptions
  readonly #unanswered = new Unanswered()
  readonly #mayDeliver: () => boolean

  constructor(options: WebhookTargetOptions, mayDeliver: () => boolean = () => true) {
    this.#mayDeliver = mayDeliver
    this.maxConcurrency = options.concurrency
    this.#options = options
    this.#exchanges = openExchanges(options)
  }

  async send(jobs: readonly Sendable[], signal: AbortSignal): Promise<SendResult> {
    const failures: (DeliveryFailure | null)[] = Array.from({ length: jobs.length }, () => null)
    const failedRows = new Set<string>()
    let down: DeliveryFailure | null = null
    for (const request of planRequests(jobs, this.#unanswered)) {
      if (down !== null) failures.fill(down, request.from, request.to)
      else down = await this.#sendInOrder(jobs, request, signal, failures, failedRows)
    }
    return failures.some((failure) => failure !== null) ? failures : undefined
  }

  async ask(job: Sendable, signal: AbortSignal): Promise<Outcome> {
    const [request] = planRequests([job], this.#unanswered)
    const answer = await this.#exchange([job], request!, signal, MOST_VALUE)
    return 'failure' in answer ? answer.failure : { tag: 'done', value: jsonOf(answer) }
  }

  /** Sends a request, and where a batch is refused its halves, so that one poisonous event does not take the others along. */
  async #sendInOrder(
    jobs: readonly Sendable[],
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
    const answer = await this.#exchange(jobs, request, signal, 0)
    if (!('failure' in answer)) return null
    const { failure, divisible } = answer
    if (divisible && request.to - request.from > 1) {
      return this.#sendHalves(jobs, request, signal, failures, failedRows)
    }
    failures.fill(failure, request.from, request.to)
    for (let i = request.from; i < request.to; i++) failedRows.add(jobs[i]!.key)
    return failure.kind === 'down' ? failure : null
  }

  async #sendHalves(
    jobs: readonly Sendable[],
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

  /** One request, and its answer where it was taken, with so many bytes of the body. */
  async #exchange(
    jobs: readonly Sendable[],
    request: WebhookRequest,
    signal: AbortSignal,
    bodyBytes: number,
  ): Promise<Refusal | Answer> {
    if (!this.#mayDeliver()) return { failure: WITHHELD, divisible: false }
    const { timeoutMs } = jobs[request.from]!.action
    const options = jobs[request.from]!.action.options as WebhookActionOptions
    const { origin, path } = request.url
    const receiver = { ...options, origin: this.#options.origin === null ? null : origin }
    try {
      const { headers, body } = encode(jobs, request)
      const sent = { origin, path, method: options.method, headers, body: body instanceof Promise ? await body : body }
      const answer = await this.#exchanges.exchange(sent, timeoutMs, signal, bodyBytes)
      const refusal = refusalOf(receiver, answer)
      if (refusal?.failure.kind === 'down') this.#unanswered.note(jobs.slice(request.from, request.to))
      return refusal ?? answer
    } catch (error) {
      const encrypted = origin.startsWith('https:')
      this.#unanswered.note(jobs.slice(request.from, request.to))
      return { failure: outageOf(receiver, error, timeoutMs, encrypted), divisible: false }
    }
  }

  /** Connects only: of no request we know that it has no effect. */
  async check({ options, timeoutMs }: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null> {
    const { origin } = this.#options
    if (origin === null) return null
    try {
      const { connectOnly } = await import('./check-online.ts')
      await withDeadline(connectOnly(this.#options, origin), timeoutMs)
      return null
    } catch (error) {
      const receiver = { ...(options as WebhookActionOptions), origin }
      return outageOf(receiver, error, timeoutMs, origin.startsWith('https:'))
    }
  }

  get unasked(): string {
    const { origin } = this.#options
    if (origin === null) return 'webhooks whose host comes from data'
    return `${origin}: path, credentials and answer (BinGo connected, but sent no request)`
  }

  async close(): Promise<void> {
    await this.#exchanges.close()
  }
}

/** Null where the body is no JSON, or too long. */
function jsonOf({ body, complete }: Answer): unknown {
  if (!complete) return null
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return null
  }
}

/** Whether an earlier event of one of these rows failed in this send: a later one must not overtake it (invariant 2). */
function blocked(jobs: readonly Sendable[], request: WebhookRequest, failedRows: ReadonlySet<string>): boolean {
  if (failedRows.size === 0) return false
  for (let i = request.from; i < request.to; i++) if (failedRows.has(jobs[i]!.key)) return true
  return false
}

function encode(
  jobs: readonly Sendable[],
  request: WebhookRequest,
): { headers: readonly string[]; body: string | Buffer | null | Promise<Buffer> } {
  const { action } = jobs[request.from]!
  const options = action.options as WebhookActionOptions
  const json = bodyOf(jobs, request)
  const ids = jobs.slice(request.from, request.to).map((job) => job.id)
  const id = webhookId(action, ids)
  const headers = ['user-agent', 'bingo', ...request.headers]
  headers.push(...signatureHeaders(id, json, options.secrets, Date.now()))
  if (options.bodyless) return { headers, body: null }
  if (!request.headers.some((text, i) => i % 2 === 0 && text.toLowerCase() === 'content-type')) {
    headers.push('content-type', request.wrapped ? 'application/json' : options.contentType)
  }
  if (!options.gzip || json.length < MIN_GZIP_BYTES) return { headers, body: json }
  headers.push('content-encoding', 'gzip')
  return { headers, body: compress(json) }
}
