import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { BingoError } from '../../model/errors.ts'
import { runCommand, type Command } from './command.ts'
import type { Surroundings } from './installation.ts'
import { Watchdog } from './watchdog.ts'

/** Machines are busy at times: hang detection. A server that ends before it is ready is noticed at once. */
const READY_TIMEOUT_MS = 120_000
const READY_POLL_MS = 20
const STOP_TIMEOUT_MS = 30_000
const LOG_TAIL_CHARS = 3_000

/**
 * One server of ours with a temporary folder. It may be killed and started again in the same folder; at the end, or when
 * this process dies in whatever way, the server is killed and the folder removed.
 */
export class ServerProcess {
  readonly folder: string
  readonly #title: string
  readonly #name: string
  readonly #engine: string | undefined
  readonly #watchdog: Watchdog
  #child: ChildProcess | undefined
  /** How the server ended although nobody here had ended it. */
  #unexpectedEnd: string | undefined
  /** A signal of ours is about to end it. */
  #isEnding = false

  private constructor(title: string, folder: string, engine: string | undefined) {
    this.#title = title
    this.folder = folder
    this.#engine = engine
    this.#name = `bingo-${randomBytes(6).toString('hex')}`
    this.#watchdog = new Watchdog(folder, engine === undefined ? undefined : { engine, name: this.#name })
  }

  /** Makes the folder and its watchdog; nothing runs yet. `engine`: the container engine, where the server runs in one. */
  static async create(title: string, engine?: string): Promise<ServerProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'bingo-server-'))
    return new ServerProcess(title, folder, engine)
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get logFile(): string {
    return join(this.folder, 'server.log')
  }

  surroundings(port: number | undefined): Surroundings {
    return { name: this.#name, folder: this.folder, port }
  }

  /**
   * Starts the server and waits until `isReady` says true.
   * @throws BingoError BINGO_SERVER_START_FAILED with the end of the server's log.
   */
  async start(command: Command, isReady: () => Promise<boolean>): Promise<void> {
    const log = openSync(this.logFile, 'a')
    try {
      this.#child = spawn(command.command, command.args, {
        cwd: this.folder,
        // MySQL and MariaDB delete at their start what has the name of a temporary table there: also what others use.
        env: { ...process.env, TMPDIR: this.folder, ...command.env },
        // A process group of its own: Ctrl-C is for the program that uses the server, which may still need it to finish.
        detached: true,
        stdio: ['ignore', log, log],
      })
    } finally {
      closeSync(log)
    }
    const child = this.#child
    this.#unexpectedEnd = undefined
    this.#isEnding = false
    let failure: string | undefined
    child.once('error', (error) => (failure = error.message))
    child.once('exit', (code, signal) => {
      failure = `ended with ${code ?? signal}`
      if (!this.#isEnding) this.#unexpectedEnd = failure
      if (this.#child === child) this.#watchdog.guard(0)
    })
    child.unref()
    if (child.pid !== undefined) this.#watchdog.guard(child.pid)
    const deadline = Date.now() + READY_TIMEOUT_MS
    while (!(await isReady())) {
      if (failure === undefined && Date.now() > deadline) failure = `not ready after ${READY_TIMEOUT_MS / 1_000} s`
      if (failure !== undefined) throw await this.#startFailed(failure)
      await delay(READY_POLL_MS)
    }
    // Somebody else's server may have answered on the port.
    if (failure !== undefined) throw await this.#startFailed(failure)
  }

  /** For an error of a client: why the server does not answer any more; null while it runs, or where we have ended it. */
  async unexpectedEnd(cause: unknown): Promise<BingoError | null> {
    if (this.#unexpectedEnd === undefined) return null
    const message = `${this.#title} ${this.#unexpectedEnd}\n${await this.#logTail()}`
    return new BingoError('BINGO_SERVER_ENDED', message, { cause })
  }

  /** Sends a signal. After one that ends the server (all but STOP and CONT) it waits for the end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined || hasEnded(child)) return
    child.ref()
    const ends = signal !== 'SIGSTOP' && signal !== 'SIGCONT'
    if (ends) this.#isEnding = true
    const ended = ends ? new Promise<void>((resolve) => child.once('exit', () => resolve())) : null
    // A signal to the container engine's client does not reach the server.
    if (this.#engine === undefined) child.kill(signal)
    else await runCommand({ command: this.#engine, args: ['kill', '-s', signal, this.#name], env: {} })
    if (ended !== null) {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await ended
      clearTimeout(timer)
    }
    child.unref()
  }

  /** Kills the server and removes its folder. */
  async stop(): Promise<void> {
    await this.kill('SIGKILL')
    await this.#watchdog.finish()
  }

  async #startFailed(reason: string): Promise<BingoError> {
    const log = await this.#logTail()
    await this.kill('SIGKILL')
    const message = `${this.#title} did not start: ${reason}\n${log}`
    return new BingoError('BINGO_SERVER_START_FAILED', message, { retryable: true })
  }

  async #logTail(): Promise<string> {
    return (await readFile(this.logFile, 'utf8').catch(() => '')).slice(-LOG_TAIL_CHARS)
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}
