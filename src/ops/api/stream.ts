import type { Clock } from '../../model/clock.ts'
import { exactJson } from '../../model/json/strict-json.ts'
import { decodeEnvelope } from '../../model/event/forms/event-codec.ts'
import { typePattern } from '../../model/event/posted/type-pattern.ts'
import type { LogEntry } from '../../model/state/event-log.ts'
import { environmentFor, eventsOf, query, requireScope, type Api, type Call } from './context.ts'
import { ApiError } from './problem.ts'
import { shownEnvelope } from './records.ts'
import { streamQuery } from './schemas.ts'

/** Readers at once. */
const MOST_STREAMS = 100
/** A reader that takes nothing for so long is cut off; it resumes with Last-Event-ID. */
const SLOW_MS = 10_000
const KEEP_ALIVE_MS = 15_000

/** Events as they enter the log, as server-sent events. */
export class EventStreams {
  private open = 0

  async answer(api: Api, call: Call): Promise<Response> {
    const caller = requireScope(call, 'read')
    const { on = [], environment: asked } = query(call, streamQuery, ['on'])
    const environment = environmentFor(api, caller, asked)
    const { provider } = eventsOf(api)
    if (this.open >= MOST_STREAMS) throw new ApiError(503, 'BINGO_HTTP_BUSY', 'too many readers of the stream')
    const patterns = [on].flat().map(typePattern)
    const wanted = (type: string): boolean => patterns.length === 0 || patterns.some((matches) => matches(type))
    const stop = new AbortController()
    const from = call.req.header('last-event-id') ?? (await provider.log.stats()).last
    // A place that the log never gave is refused before anything is answered.
    const entries = provider.log.read(from, { signal: stop.signal })[Symbol.asyncIterator]()
    const first = entries.next()
    await Promise.race([first, new Promise((resolve) => setImmediate(resolve))])
    this.open += 1
    const stream = new EventStream(entries, first, api.clock, (entry) => lineOf(entry, environment, wanted))
    const body = stream.body(() => {
      this.open -= 1
      stop.abort()
    })
    const headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    }
    return new Response(body, { headers })
  }
}

/** Null: it is not for this reader. */
function lineOf(entry: LogEntry, environment: string, wanted: (type: string) => boolean): string | null {
  if (!wanted(entry.type)) return null
  const event = entry.event ?? decodeEnvelope(entry.payload)
  if (event.environment !== environment) return null
  return `id: ${entry.place}\nevent: ${entry.type}\ndata: ${exactJson(shownEnvelope(event))}\n\n`
}

/** Reads the log only as fast as its reader does: nothing is buffered for it but what it asked for. */
class EventStream {
  private readonly entries: AsyncIterator<LogEntry>
  private next: Promise<IteratorResult<LogEntry>>
  private readonly clock: Clock
  private readonly lineOf: (entry: LogEntry) => string | null
  private asked = Promise.withResolvers<void>()
  private isOver = false

  constructor(
    entries: AsyncIterator<LogEntry>,
    first: Promise<IteratorResult<LogEntry>>,
    clock: Clock,
    line: (entry: LogEntry) => string | null,
  ) {
    this.entries = entries
    this.next = first
    this.clock = clock
    this.lineOf = line
  }

  body(onEnd: () => void): ReadableStream<Uint8Array> {
    const end = (): void => {
      if (this.isOver) return
      this.isOver = true
      onEnd()
    }
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from(': connected\n\n'))
        void this.pump(controller).finally(end)
      },
      pull: () => this.asked.resolve(),
      cancel: end,
    })
  }

  private async pump(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const keepAlive = this.clock.every(KEEP_ALIVE_MS, () => {
      if (!this.isOver && (controller.desiredSize ?? 0) > 0) controller.enqueue(Buffer.from(':\n\n'))
    })
    try {
      for (;;) {
        const { done, value } = await this.next
        if (done === true || this.isOver) return controller.close()
        this.next = this.entries.next()
        this.next.catch(() => undefined)
        const line = this.lineOf(value)
        if (line === null) continue
        if ((controller.desiredSize ?? 0) <= 0 && !(await this.isTaken())) {
          return controller.error(new Error('the reader is too slow'))
        }
        if (this.isOver) return
        controller.enqueue(Buffer.from(line))
      }
    } catch (error) {
      // The log has closed or cannot be read: the reader comes again with Last-Event-ID.
      if (!this.isOver) controller.error(error)
    } finally {
      keepAlive.cancel()
    }
  }

  /** False when the reader has taken nothing for too long. */
  private async isTaken(): Promise<boolean> {
    this.asked = Promise.withResolvers<void>()
    const tooSlow = Promise.withResolvers<'slow'>()
    const timer = this.clock.after(SLOW_MS, () => tooSlow.resolve('slow'))
    const first = await Promise.race([this.asked.promise, tooSlow.promise])
    timer.cancel()
    return first !== 'slow'
  }
}
