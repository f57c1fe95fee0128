import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { extname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BingoError } from '../model/errors.ts'
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../model/node-runtime.ts'
import type { Status } from '../ops/status.ts'

export interface DaemonProcessOptions {
  readonly sourceUrl: string
  /** Undefined: no rule needs one. */
  readonly redisUrl?: string
  readonly rulesFile: string
  readonly checkpointFile: string
  readonly eventsFile: string
  readonly logFile: string
  readonly port: number
  /** Further variables, which its rules read. */
  readonly env?: { readonly [name: string]: string }
}

const READY_TIMEOUT_MS = 60_000
const POLL_MS = 20
const LOG_TAIL_CHARS = 2_000

/** `bingo run` as a process of its own, as users run it. */
export class DaemonProcess implements AsyncDisposable {
  private readonly options: DaemonProcessOptions
  private readonly child: ChildProcess

  private constructor(options: DaemonProcessOptions) {
    this.options = options
    const log = openSync(options.logFile, 'a')
    this.child = spawn(process.execPath, [...NODE_FLAGS, mainFile(), 'run'], {
      env: { ...NODE_ENVIRONMENT, ...withoutBingo(process.env), ...environment(options), ...options.env },
      stdio: ['ignore', log, log],
    })
    closeSync(log)
  }

  /** Starts it and waits until changes flow. Throws BINGO_DEMO_DAEMON with the end of its log. */
  static async start(options: DaemonProcessOptions, signal: AbortSignal): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(options)
    try {
      const deadline = performance.now() + READY_TIMEOUT_MS
      while (!(await daemon.ready())) {
        signal.throwIfAborted()
        if (daemon.child.exitCode !== null || performance.now() > deadline) throw daemon.failed()
        await delay(POLL_MS)
      }
      return daemon
    } catch (error) {
      await daemon[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Of its admin server. */
  get port(): number {
    return this.options.port
  }

  async status(): Promise<Status> {
    return (await this.get('/status')).body as Status
  }

  /** Posts an event; answers the status of the answer and the record. */
  async post(event: object): Promise<{ readonly status: number; readonly body: unknown }> {
    return this.ask('/api/v1/events', JSON.stringify({ event }))
  }

  /** The instances of its sagas, as the API lists them. */
  async sagas(): Promise<unknown> {
    return (await this.get('/api/v1/sagas?limit=1000')).body
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill('SIGTERM')
    await once(this.child, 'exit')
  }

  private async ready(): Promise<boolean> {
    return this.get('/readyz').then(
      ({ status }) => status === 200,
      () => false,
    )
  }

  private get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    return this.ask(path)
  }

  /** GET, or POST where there is a body. */
  private async ask(path: string, body?: string): Promise<{ readonly status: number; readonly body: unknown }> {
    const method = body === undefined ? 'GET' : 'POST'
    const headers = { 'content-type': 'application/json' }
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: unknown }>()
    const sent = request({ host: '127.0.0.1', port: this.options.port, path, method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }))
      response.on('error', reject)
    })
    sent.on('error', reject).end(body)
    return promise
  }

  private failed(): BingoError {
    const tail = readFileSync(this.options.logFile, 'utf8').slice(-LOG_TAIL_CHARS)
    return new BingoError('BINGO_DEMO_DAEMON', `the daemon did not become ready:\n${tail}`, {
      hint: `See the full log: ${this.options.logFile}`,
    })
  }
}

/** The entry beside us: TypeScript in a checkout, JavaScript in the package. */
function mainFile(): string {
  return fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url))
}

function environment(options: DaemonProcessOptions): NodeJS.ProcessEnv {
  return {
    BINGO_NAME: 'demo',
    BINGO_SOURCE_URL: options.sourceUrl,
    ...(options.redisUrl !== undefined && { BINGO_REDIS_URL: options.redisUrl }),
    BINGO_RULES: options.rulesFile,
    BINGO_CHECKPOINT_STORE: `file:${options.checkpointFile}`,
    BINGO_EVENTS_STORE: `file:${options.eventsFile}`,
    BINGO_HTTP_LISTEN: `127.0.0.1:${options.port}`,
  }
}

/** Settings of the surroundings would make it another demo. */
function withoutBingo(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('BINGO_')))
}
