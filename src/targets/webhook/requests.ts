import { contentBytes, contentLength, writeContent } from '../../model/event/bytes/content.ts'
import type { Sendable } from '../../model/rule/action.ts'
import type { WebhookActionOptions, WebhookPayload, WebhookUrl } from './options.ts'

/** Largest batch body; receivers commonly stop at 1 MB (nginx, express, API gateways). */
const MAX_BODY_BYTES = 1_000_000

/** One HTTP request for the jobs `[from, to)` of a send. */
export interface WebhookRequest {
  readonly from: number
  readonly to: number
  readonly url: WebhookUrl
  readonly headers: readonly string[]
  /** As {"events": […]}; else the one event bare. */
  readonly wrapped: boolean
}

/**
 * The jobs of a request that got no answer, by the first of them. The receiver may have taken it, so it is sent again as it
 * was, not with what has queued up since: the same events then have the same `webhook-id`.
 */
export class Unanswered {
  private readonly requests = new WeakMap<Sendable, readonly Sendable[]>()

  note(jobs: readonly Sendable[]): void {
    this.requests.set(jobs[0]!, jobs)
  }

  /** Where the request that begins at `from` ended the last time; undefined where there was none, or its jobs are not all there. */
  endOf(jobs: readonly Sendable[], from: number): number | undefined {
    const before = this.requests.get(jobs[from]!)
    return before?.every((job, i) => job === jobs[from + i]) === true ? from + before.length : undefined
  }
}

/**
 * Splits a send into requests, in order: neighbours with the same address and headers share one. Where the rule has a key,
 * they have to have the same one too: it says what belongs together.
 */
export function planRequests(jobs: readonly Sendable[], unanswered: Unanswered): WebhookRequest[] {
  const { batch } = jobs[0]!.action.options as WebhookActionOptions
  const requests: WebhookRequest[] = []
  for (let from = 0; from < jobs.length;) {
    const first = payloadOf(jobs[from]!)
    const to = batch === 'never' ? from + 1 : (unanswered.endOf(jobs, from) ?? endOfBatch(jobs, from))
    const headers = first.trace === undefined || to - from > 1 ? first.headers : [...first.trace, ...first.headers]
    requests.push({ from, to, url: first.url, headers, wrapped: batch === 'always' || to - from > 1 })
    from = to
  }
  return requests
}

function endOfBatch(jobs: readonly Sendable[], from: number): number {
  const first = payloadOf(jobs[from]!)
  const keyed = jobs[from]!.action.rule.key !== null
  let bytes = contentLength(first.json)
  let to = from + 1
  for (; to < jobs.length; to++) {
    const next = payloadOf(jobs[to]!)
    bytes += contentLength(next.json) + 1
    if (keyed && jobs[to]!.key !== jobs[from]!.key) break
    if (bytes > MAX_BODY_BYTES || next.url.href !== first.url.href || !sameHeaders(next.headers, first.headers)) break
  }
  return to
}

function sameHeaders(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((text, i) => text === b[i]))
}

const HEAD = '{"events":['
const TAIL = ']}'
const COMMA = 44

/** The body of a request: an event bare, or `{"events":[…]}` with what each would have been alone. */
export function bodyOf(jobs: readonly Sendable[], request: WebhookRequest): string | Buffer {
  if (!request.wrapped) {
    const { json } = payloadOf(jobs[request.from]!)
    return typeof json === 'string' ? json : contentBytes(json)
  }
  const events = jobs.slice(request.from, request.to).map((job) => payloadOf(job).json)
  let bytes = HEAD.length + TAIL.length
  for (const event of events) bytes += contentLength(event) + 1
  const body = Buffer.allocUnsafe(bytes)
  let at = body.write(HEAD)
  for (const event of events) {
    at += writeContent(event, body, at)
    body[at++] = COMMA
  }
  // The last one has none.
  at += body.write(TAIL, at - 1) - 1
  return body.subarray(0, at)
}

function payloadOf(job: Sendable): WebhookPayload {
  return job.payload as WebhookPayload
}
