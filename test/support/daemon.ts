import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../src/demo/servers/ports.ts'
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../src/model/node-runtime.ts'
import { CHILD_ENVIRONMENT } from './child-environment.ts'
import { mainFile, withFailpoints, type FailpointFile } from './main-file.ts'
import { ProcessLog, type LogLine, type Meant } from './process-log.ts'

export { freePort }

/** Machines stall at times: hang detection, not a measure of speed. */
const READY_TIMEOUT_MS = 150_000
const PATIENCE_MS = 120_000
const SELDOM_MS = 200

export interface DaemonOptions {
  /** YAML of the rules file. */
  readonly rules: string
  readonly sourceUrl: string
  /** BINGO_… settings beyond source, rules and the admin port. */
  readonly env?: Readonly<Record<string, string>>
  /** Further flags for node itself (heap limits, profiles). */
  readonly nodeArgs?: readonly string[]
  /** Where it dies, if it is told to (test/fault/failpoints). */
  readonly failpoints?: FailpointFile
}

/**
 * BinGo as its users run it: a process of its own with a rules file, an environment and an admin port. Keeps its folder
 * (rules, file checkpoint) over stops and starts; removed when disposed.
 */
export class Daemon implements AsyncDisposable {
  /** Of this process, prepared and not disposed of. */
  static readonly #living = new Set<Daemon>()

  readonly folder: string
  readonly options: DaemonOptions
  readonly adminPort: number
  readonly log: ProcessLog = new ProcessLog()
  private child: ChildProcess | null = null

  private constructor(folder: string, adminPort: number, options: DaemonOptions) {
    this.folder = folder
    this.adminPort = adminPort
    this.options = options
  }

  /** Prepares folder and port; `start()` runs it. */
  static async prepare(options: DaemonOptions): Promise<Daemon> {
    const folder = await mkdtemp(join(tmpdir(), 'bingo-daemon-'))
    await writeFile(join(folder, 'rules.yaml'), options.rules)
    const daemon = new Daemon(folder, await freePort(), options)
    Daemon.#living.add(daemon)
    return daemon
  }

  /** Prepares, starts and waits until it is ready. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = await Daemon.prepare(options)
    try {
      daemon.spawn()
      await daemon.ready()
    } catch (error) {
      await daemon[Symbol.asyncDispose]()
      throw error
    }
    return daemon
  }

  /** Whatever a test has left that was cut off. */
  static async killAll(): Promise<void> {
    await Promise.all([...Daemon.#living].map((daemon) => daemon[Symbol.asyncDispose]()))
  }

  get pid(): number {
    return this.child!.pid!
  }

  get rulesFile(): string {
    return join(this.folder, 'rules.yaml')
  }

  /** Runs the process; does not wait. */
  spawn(extraEnv: Readonly<Record<string, string>> = {}): void {
    const env = {
      ...CHILD_ENVIRONMENT,
      ...NODE_ENVIRONMENT,
      HOME: this.folder,
      BINGO_SOURCE_URL: this.options.sourceUrl,
      BINGO_RULES: this.rulesFile,
      BINGO_CHECKPOINT_STORE: `file:${join(this.folder, 'checkpoint')}`,
      BINGO_HTTP_LISTEN: `127.0.0.1:${this.adminPort}`,
      ...this.options.env,
      ...extraEnv,
    }
    const { nodeArgs = [], failpoints } = this.options
    const main = failpoints === undefined ? [mainFile()] : withFailpoints(failpoints)
    const child = spawn(process.execPath, [...NODE_FLAGS, ...nodeArgs, ...main, 'run'], {
      cwd: this.folder,
      env: env as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child = child
    this.log.follow(child)
  }

  /** Resolves when /readyz says yes; rejects when the process ends before. */
  async ready(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS
    let last = 'no answer'
    while (Date.now() < deadline) {
      await this.mustRun()
      const answer = await this.get('/readyz').catch(() => null)
      if (answer?.status === 200) return
      if (answer !== null) last = answer.text
      await delay(25)
    }
    throw new Error(`bingo was not ready within ${READY_TIMEOUT_MS} ms (${last}):\n${this.output()}`)
  }

  /** Throws what the process said where it has ended: whoever waits for it would wait in vain. */
  async mustRun(): Promise<void> {
    const { exitCode, signalCode } = this.child!
    if (exitCode === null && signalCode === null) return
    await this.log.ended
    throw new Error(`bingo ended with ${exitCode ?? signalCode}:\n${this.output()}`)
  }

  async get(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`)
    return { status: response.status, text: await response.text() }
  }

  /** Value of a metric, labels as written in /metrics; undefined when it is not there. */
  async metric(name: string): Promise<number | undefined> {
    const { text } = await this.get('/metrics')
    const line = text.split('\n').find((each) => each.startsWith(`${name} `))
    return line === undefined ? undefined : Number(line.slice(name.length + 1))
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal)
  }

  /** Sends a signal and waits for the end and the last line of the log; answers the exit code, or null after a kill. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.signal(signal)
    return this.ended()
  }

  async ended(): Promise<number | null> {
    await this.log.ended
    return this.child?.exitCode ?? null
  }

  async isReady(): Promise<boolean> {
    return (await this.get('/readyz').catch(() => null))?.status === 200
  }

  /** Codes of what /readyz says is in the way; empty when it is ready or does not answer. */
  async reasons(): Promise<readonly string[]> {
    const answer = await this.get('/readyz').catch(() => null)
    if (answer === null || answer.status === 200) return []
    return (JSON.parse(answer.text) as { reasons: { code: string }[] }).reasons.map(({ code }) => code)
  }

  /** The signal that ended the process; null when it ended by itself or runs. */
  get endedBy(): NodeJS.Signals | null {
    return this.child?.signalCode ?? null
  }

  /** `ProcessLog.says`: waits for a line of the log. */
  says(what: Meant, count = 1): Promise<readonly [LogLine, ...LogLine[]]> {
    return this.log.says(what, count)
  }

  /** `ProcessLog.said`: lines of the log, once nothing more can come. */
  said(what: Meant): readonly LogLine[] {
    return this.log.said(what)
  }

  /** Waits until a metric has this value: the moment that it counts may be seen elsewhere before. */
  async shows(name: string, value: number): Promise<void> {
    let last: number | undefined
    const isThere = async (): Promise<boolean> => {
      last = await this.metric(name)
      return last === value
    }
    await eventually(`${name} is ${value}`, isThere).catch((error: Error) => {
      throw new Error(`${error.message}, but ${last}:\n${this.output()}`)
    })
  }

  /** The end of what it has said so far, for whoever reads why a test failed. */
  output(): string {
    return this.log.print()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
    Daemon.#living.delete(this)
  }
}

/** The environment of a command that works beside this daemon. */
export function besides(daemon: Daemon): Record<string, string> {
  return {
    ...daemon.options.env,
    BINGO_SOURCE_URL: daemon.options.sourceUrl,
    BINGO_RULES: daemon.rulesFile,
    BINGO_HTTP_LISTEN: `127.0.0.1:${daemon.adminPort}`,
    BINGO_CHECKPOINT_STORE: `file:${join(daemon.folder, 'checkpoint')}`,
  }
}

/**
 * Polls until `check` answers true. `what` goes into the error. The longer it takes the more seldom it asks: many checks
 * start a process, on the cores that what is waited for needs too.
 */
export async function eventually(
  what: string,
  check: () => Promise<boolean> | boolean,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const from = performance.now()
  while (!(await check())) {
    const waitedMs = performance.now() - from
    if (waitedMs > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await delay(Math.min(SELDOM_MS, 20 + waitedMs / 20))
  }
}
