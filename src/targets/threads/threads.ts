import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { carriedError } from './carried-error.ts'
import type { Answers, Call, Calls, ThreadData, ThreadedOptions, ThreadedType } from './messages.ts'

const NOTHING = Buffer.alloc(0)
/** What a call leaves is gone with it: as much room for new objects as the daemon has would only be memory. */
const LIMITS = { maxYoungGenerationSizeMb: 12 }

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/**
 * Threads of this process that run the client of a target, each with connections of its own and a share of `concurrency`.
 * A call goes to the one that has the most room: what must keep an order is sent one after the other by whoever calls.
 */
export class Threads {
  readonly #threads: readonly Thread[]

  /** `entry`: what a thread runs. */
  constructor(type: ThreadedType, options: ThreadedOptions, entry = threadFile()) {
    const { threads, concurrency } = options
    const count = Math.min(threads, concurrency)
    this.#threads = Array.from({ length: count }, (_, i) => {
      const share = Math.floor(concurrency / count) + (i < concurrency % count ? 1 : 0)
      return new Thread({ type, options: { ...options, concurrency: share } }, entry)
    })
  }

  /**
   * Resolves to the answer; rejects with what the client threw, with the reason of `signal`, or with an error of code
   * ERR_SOCKET_THREAD where the thread has ended: then nobody knows whether the request had left.
   */
  call(request: unknown, body: Buffer | null, signal: AbortSignal): Promise<unknown> {
    let chosen = this.#threads[0]!
    for (const thread of this.#threads) if (thread.room > chosen.room) chosen = thread
    return chosen.call(request, body ?? NOTHING, signal)
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }
}

/** One of them. It is started by its first call, and again by the next one after it has ended. */
class Thread {
  readonly #data: ThreadData
  readonly #entry: URL
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | null = null
  #lastId = 0
  #calls: Call[] = []
  #bodies: Buffer[] = []
  #bodyBytes = 0
  #aborted: number[] = []
  #posts = false
  #closed = false

  constructor(data: ThreadData, entry: URL) {
    this.#data = data
    this.#entry = entry
  }

  /** Calls that it has room for beside those that are in flight. */
  get room(): number {
    return this.#data.options.concurrency - this.#waiting.size
  }

  async call(request: unknown, body: Buffer, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted()
    if (this.#closed) throw threadEnded('it was closed')
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.set(id, { resolve, reject })
    const from = this.#bodyBytes
    this.#bodyBytes += body.length
    this.#calls.push({ id, request, from, to: this.#bodyBytes })
    if (body.length > 0) this.#bodies.push(body)
    this.#postSoon()
    const abort = (): void => {
      if (!this.#waiting.delete(id)) return
      this.#aborted.push(id)
      this.#postSoon()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** One message carries all that is called in a turn of the event loop: waking a thread costs more than most calls. */
  #postSoon(): void {
    if (this.#posts) return
    this.#posts = true
    setImmediate(() => {
      this.#posts = false
      this.#post()
    })
  }

  #post(): void {
    // The thread has ended, or was closed, since: there is nothing to start another one for.
    if (this.#calls.length === 0 && this.#aborted.length === 0) return
    const bytes = this.#bodyBytes === 0 ? null : this.#gathered()
    const message: Calls = { calls: this.#calls, bytes, aborted: this.#aborted }
    this.#forgetUnsent()
    try {
      this.#worker ??= this.#started()
      this.#worker.postMessage(message, bytes === null ? [] : [bytes])
    } catch (error) {
      this.#rejectAll(error)
    }
  }

  #forgetUnsent(): void {
    this.#calls = []
    this.#bodies = []
    this.#bodyBytes = 0
    this.#aborted = []
  }

  #gathered(): ArrayBuffer {
    const bytes = new ArrayBuffer(this.#bodyBytes)
    const into = Buffer.from(bytes)
    let at = 0
    for (const body of this.#bodies) at += body.copy(into, at)
    return bytes
  }

  #started(): Worker {
    const worker = new Worker(this.#entry, { workerData: this.#data, resourceLimits: LIMITS })
    worker.on('message', (answers: Answers) => this.#settle(answers))
    worker.on('error', (error) => this.#ended(worker, error))
    worker.on('exit', (code) => this.#ended(worker, new Error(`the thread ended with code ${code}`)))
    return worker
  }

  #settle(answers: Answers): void {
    for (const { id, answer, error } of answers) {
      const waiting = this.#waiting.get(id)
      // It was given up.
      if (waiting === undefined) continue
      this.#waiting.delete(id)
      if (error === undefined) waiting.resolve(answer)
      else waiting.reject(carriedError(error))
    }
  }

  #ended(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker) return
    this.#worker = null
    this.#rejectAll(threadEnded(cause))
  }

  #rejectAll(error: unknown): void {
    // What was not sent is over, too: it is called again, and would be made twice at a time.
    this.#forgetUnsent()
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of all) reject(error)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#rejectAll(threadEnded('it was closed'))
    await this.#worker?.terminate()
  }
}

function threadEnded(cause: unknown): Error {
  return Object.assign(new Error('its thread has ended', { cause }), { code: 'ERR_SOCKET_THREAD' })
}

/** targets/thread.ts, or the file of the bundle that it becomes (.config/bundle.ts): both are one folder above. */
function threadFile(): URL {
  return new URL(`../thread${extname(import.meta.url)}`, import.meta.url)
}
