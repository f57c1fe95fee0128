import type { Log } from '../../../model/rule/action.ts'
import type { Clock } from '../../../model/clock.ts'
import { BingoError } from '../../../model/errors.ts'
import type { SourcePosition } from '../../../model/source/position.ts'
import type { SourceState } from '../../../model/source/source-state.ts'
import type { ControlConnection } from '../server/login/control-connection.ts'
import type { PositionedFeed } from './feed.ts'
import { followRetention } from '../server/retention/follow-retention.ts'
import { type LagReport, probeLag } from '../server/retention/lag-probe.ts'
import type { ResumePoint } from '../resume-point.ts'
import type { ServerFacts } from '../server/server-facts.ts'
import type { SourceSettings } from '../options.ts'
import { StallDetector } from './stall-detector.ts'
import { watch } from './watchdog.ts'
import type { DumpRequest } from './dump-request.ts'
import { ReplicaConnection } from './zongji-client.ts'

export interface SessionDeps {
  /** From where on the binlog is still needed; null: from the feed's position. */
  readonly needed: () => SourcePosition | null
  readonly settings: SourceSettings
  readonly control: ControlConnection
  readonly facts: ServerFacts
  readonly feed: PositionedFeed
  readonly state: SourceState
  readonly log: Log
  readonly clock: Clock
  /** The stream has begun: the server accepted the position. */
  readonly onStreaming: () => void
}

const FIRST_PROBE_MS = 50
const LAG_PROBE_MS = 1_000

/** One connection, from its opening to its loss: stream, watchdog and lag probe. */
export class StreamSession {
  readonly #deps: SessionDeps
  readonly #replica: ReplicaConnection
  #streaming = false

  constructor(deps: SessionDeps, resume: ResumePoint, identity: { serverId: number; replicaUuid: string }) {
    this.#deps = deps
    const { position } = resume
    const request: DumpRequest = {
      flavour: position.flavour,
      file: position.file,
      offset: position.offset,
      gtidSet: resume.byGtid ? position.gtidSet : null,
      ...identity,
      heartbeatMs: deps.settings.heartbeatMs,
      connectTimeoutMs: deps.settings.connectTimeoutMs,
    }
    let expected = resume.fileCreated
    this.#replica = ReplicaConnection.open(deps.settings, request, deps.feed, {
      format: (timestamp) => {
        if (expected !== null && timestamp !== expected) throw otherFile(position.file, expected, timestamp)
        expected = null
        this.#begun()
      },
      // Whatever took the stream away may have taken the control connection too: nobody waits for its timeouts.
      over: () => deps.control.close(),
    })
  }

  pause(): void {
    this.#replica.pause()
  }

  resume(): void {
    this.#replica.resume()
  }

  /** Rejects with the BingoError that ended the connection; with the signal's reason after an abort. */
  async run(signal: AbortSignal): Promise<never> {
    const deps = this.#deps
    const over = new AbortController()
    const either = AbortSignal.any([signal, over.signal])
    const abort = (): void => this.#replica.close(stopped())
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    const onAlive = (): void => {
      deps.state.lastReceivedAt = deps.clock.now()
    }
    const helpers = Promise.all([
      watch(this.#replica, deps.settings.heartbeatMs, deps.clock, onAlive, either),
      this.#followLag(either),
      followRetention(deps, deps.settings.heartbeatMs, either),
    ])
    try {
      return await this.#replica.ended
    } finally {
      signal.removeEventListener('abort', abort)
      over.abort()
      await helpers
      deps.state.connected = false
      deps.state.caughtUp = false
      deps.state.retention = null
    }
  }

  #begun(): void {
    if (this.#streaming) return
    this.#streaming = true
    this.#deps.state.connected = true
    this.#deps.onStreaming()
  }

  /** Keeps `caughtUp` true to the server's own end, and notices a stream that stands still while it should not. */
  async #followLag(signal: AbortSignal): Promise<void> {
    const { control, facts, feed, state, clock, settings, log } = this.#deps
    let waitMs = FIRST_PROBE_MS
    let level: 'info' | 'debug' = 'info'
    const stall = new StallDetector(settings.heartbeatMs, this.#deps)
    while (!signal.aborted) {
      await clock.sleep(waitMs, signal).catch(() => undefined)
      if (signal.aborted || !this.#streaming) continue
      const report = await probeLag(control, facts, () => feed.position()).catch((error: unknown) => {
        log.debug({ reason: String(error) }, 'cannot query the server’s end of the binlog')
        state.endUnknown = error instanceof Error ? error.message : String(error)
        if (error instanceof BingoError && error.code === 'BINGO_SOURCE_NO_BINLOG') this.#replica.close(error)
        return null
      })
      if (signal.aborted) return
      if (report !== null) state.endUnknown = null
      if (report?.caughtUp === true && !state.caughtUp) {
        this.#logCaughtUp(report, level)
        level = 'debug'
      }
      state.caughtUp = report?.caughtUp === true
      if (stall.stalled(report, this.#replica)) this.#replica.close(stalled())
      waitMs = state.caughtUp ? Math.max(LAG_PROBE_MS, settings.heartbeatMs) : Math.min(waitMs * 2, LAG_PROBE_MS)
    }
  }

  #logCaughtUp({ position }: LagReport, level: 'info' | 'debug'): void {
    const { state, clock, log } = this.#deps
    const lagMs = state.lastCommitAt === 0 ? undefined : Math.max(0, clock.now() - state.lastCommitAt)
    log[level]({ file: position.file, position: position.offset, gtid: position.gtidSet, lagMs }, 'caught up')
  }
}

function stalled(): BingoError {
  return new BingoError('BINGO_SOURCE_STALLED', 'The server has more events but sends only heartbeats', {
    hint: 'BinGo reconnects and resumes. If it happens again, check the server’s error log: the binlog index may be corrupt.',
    retryable: true,
  })
}

function otherFile(file: string, expected: number, found: number): BingoError {
  return new BingoError(
    'BINGO_CHECKPOINT_FOREIGN',
    `The binlog ${file} of this server was created at ${iso(found)}, but BinGo was reading one created at ${iso(expected)}: another file with the same name`,
    {
      hint: 'Choose where to resume: `bingo position set earliest` or `bingo position set latest`. The server was reset or replaced.',
    },
  )
}

function iso(seconds: number): string {
  return new Date(seconds * 1_000).toISOString()
}

function stopped(): BingoError {
  return new BingoError('BINGO_STOPPED', 'Reading was stopped')
}
