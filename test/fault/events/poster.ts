import { setTimeout as delay } from 'node:timers/promises'
import { randomFrom } from '../random.ts'
import type { Fate, PostedFate } from './verdict.ts'

export interface PosterOptions {
  /** Address of a daemon; asked before each attempt, since it may be another one. */
  readonly url: () => string
  readonly seed: number
  readonly writers: number
  /** Rest between two posts of a writer, milliseconds. */
  readonly pauseMs: number
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

interface ShownRecord {
  readonly id: string
  readonly status: string
  readonly payload: { readonly v: number }
}

/** Nobody listens: nothing was sent, so there is nothing to be unsure about. */
const REFUSED: Answer = { status: 0, body: null }
/** What passes: the store is opened, locked, or away, or the instance is about to stop. */
const PASSING = new Set([404, 429, 500, 502, 503])
const RETRY_MS = 25
const REQUEST_TIMEOUT_MS = 20_000
/** Every so many posts that failed are given up: nobody was told, so they may be stored or not. */
const GIVEN_UP = 0.1
/** What waits for longer than this may be changed. */
const CHANGEABLE_MS = 6_000

/**
 * Writers that post over HTTP, each for a key of its own, one event after the other: some are due later, some in bulk, some
 * are changed or cancelled before they are due. What was not answered is sent again, or given up.
 */
export class Poster {
  /** By id. */
  readonly fates = new Map<string, PostedFate>()
  /** Answers that should not have come. */
  readonly problems: string[] = []
  private readonly options: PosterOptions
  private stopping = false
  private running: Promise<void>[] = []

  constructor(options: PosterOptions) {
    this.options = options
  }

  start(): void {
    const { writers, seed } = this.options
    this.running = Array.from({ length: writers }, (_, writer) => this.write(writer, randomFrom(seed * 1_000 + writer)))
    for (const each of this.running) each.catch(() => undefined)
  }

  /** Every writer ends what it is at: a daemon has to be there. */
  async stop(): Promise<void> {
    this.stopping = true
    await Promise.all(this.running)
  }

  get answered(): number {
    let count = 0
    for (const { fate } of this.fates.values()) if (fate !== 'unknown') count += 1
    return count
  }

  private async write(writer: number, random: () => number): Promise<void> {
    for (let n = 0; !this.stopping; n++) {
      const id = `${writer}:${n}`
      const dice = random()
      if (dice < 0.7) await this.post([id], writer, null, random)
      else if (dice < 0.8) await this.post([id, `${id}b`, `${id}c`], writer, null, random)
      else if (dice < 0.9) await this.post([id], writer, Math.floor(random() * 800), random)
      else if (dice < 0.95) await this.change(id, writer, random)
      else await this.cancel(id, writer, random)
      await delay(this.options.pauseMs)
    }
  }

  /** Answers whether it was taken. */
  private async post(ids: string[], writer: number, afterMs: number | null, random: () => number): Promise<boolean> {
    const deliverAt = afterMs === null ? undefined : new Date(Date.now() + afterMs).toISOString()
    const events = ids.map((id) => this.event(id, writer, 1, deliverAt !== undefined))
    const options = deliverAt === undefined ? {} : { deliverAt }
    const body = events.length === 1 ? { event: events[0], options } : { events, options }
    const path = events.length === 1 ? '/api/v1/events' : '/api/v1/events/bulk'
    for (const id of ids) this.note(id, 'unknown', writer)
    const answer = await this.ask(path, body, () => random() < GIVEN_UP)
    if (answer === null) return false
    for (const record of [answer.body].flat() as ShownRecord[]) this.note(record.id, 'posted', writer, record.payload.v)
    return true
  }

  /** Posted again before it is due: it has its new payload, and comes sooner. */
  private async change(id: string, writer: number, random: () => number): Promise<void> {
    if (!(await this.post([id], writer, CHANGEABLE_MS, random))) return
    const options = { deliverAt: new Date(Date.now() + 300).toISOString() }
    const answer = await this.ask('/api/v1/events', { event: this.event(id, writer, 2, true), options })
    this.note(id, 'posted', writer, (answer!.body as ShownRecord).payload.v)
  }

  /** When it is about to be due. */
  private async cancel(id: string, writer: number, random: () => number): Promise<void> {
    const waitMs = 100 + random() * 500
    if (!(await this.post([id], writer, waitMs, random))) return
    await delay(Math.max(0, waitMs - 60 + random() * 80))
    const answer = await this.ask(`/api/v1/events/${id}/cancel`, {})
    if (answer!.status === 200) this.note(id, 'cancelled', writer)
  }

  private event(id: string, writer: number, v: number, isDelayed: boolean): object {
    // What waits comes in the order of the log, and has a key of its own.
    return { id, type: 'fault.thing.done', key: `${isDelayed ? 'later' : 'now'}:${writer}`, payload: { v } }
  }

  private note(id: string, fate: Fate, writer: number, v = 1): void {
    this.fates.set(id, { fate, writer, v })
  }

  /** Until there is an answer; null: given up. */
  private async ask(path: string, body: object, givesUp: () => boolean = () => false): Promise<Answer | null> {
    for (;;) {
      const answer = await this.askOnce(path, body)
      if (answer === REFUSED) {
        await delay(RETRY_MS)
        continue
      }
      if (answer !== null && (answer.status === 200 || answer.status === 409)) return answer
      if (answer !== null && !PASSING.has(answer.status)) {
        this.problems.push(`${path} was answered with ${answer.status}: ${JSON.stringify(answer.body).slice(0, 300)}`)
        return null
      }
      if (answer?.status === 500) this.problems.push(`${path} was answered with 500: ${JSON.stringify(answer.body)}`)
      if (givesUp()) return null
      await delay(RETRY_MS)
    }
  }

  /** Null: nobody answered. */
  private async askOnce(path: string, body: object): Promise<Answer | null> {
    try {
      const response = await fetch(`${this.options.url()}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
      return { status: response.status, body: await response.json() }
    } catch (error) {
      return isRefused(error) ? REFUSED : null
    }
  }
}

function isRefused(error: unknown): boolean {
  return (error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED'
}
