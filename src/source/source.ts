import { Outage } from '../clients/outage.ts'
import type { Log } from '../core/action.ts'
import { backoffMs } from '../core/backoff.ts'
import type { Checkpoint } from '../core/checkpoint.ts'
import type { Clock } from '../core/clock.ts'
import type { BingoError } from '../core/errors.ts'
import type { ServerFingerprint, SourcePosition, StartPoint } from '../core/position.ts'
import type { Stats } from '../core/stats.ts'
import { printAddress } from '../core/source-address.ts'
import { ControlConnection } from './control-connection.ts'
import { FailurePolicy, isGap } from './failure-policy.ts'
import type { OpenFeed, PositionedFeed } from './feed.ts'
import { type LagReport, probeLag } from './lag-probe.ts'
import type { SourceOptions } from './options.ts'
import { preflight, refuse } from './preflight.ts'
import { type KnownPosition, type ResumePoint, resumeFrom, startAt } from './resume-point.ts'
import { InformationSchemaResolver } from './schema-resolver.ts'
import { readServerFacts, type ServerFacts } from './server-facts.ts'
import { replicaUuidFor, serverIdFor } from './server-id.ts'
import { classifyError } from './source-error.ts'
import { printStartPoint } from '../core/start-point.ts'
import { StreamSession } from './stream-session.ts'

export interface SourceDeps {
  /** Called at the start, and again where `onGap` makes a new beginning. */
  readonly openFeed: OpenFeed
  readonly stats: Stats
  readonly log: Log
  readonly clock: Clock
}

/**
 * Reads one server's binlog as a replica and hands the bytes of every event to a feed. Connections come and go; each
 * new one begins at the feed's last boundary between transactions, so that nothing is skipped (invariants 1, 4, 8).
 */
export class BinlogSource {
  readonly #options: SourceOptions
  readonly #deps: SourceDeps
  readonly #control: ControlConnection
  readonly #outage: Outage
  readonly #policy: FailurePolicy
  readonly #serverId: number
  #checkpoint: Checkpoint | null
  #start: StartPoint
  #feed: PositionedFeed | null = null
  #facts: ServerFacts | null = null
  #session: StreamSession | null = null
  #resolver: InformationSchemaResolver | null = null
  /** Server that the present position was read from. */
  #knownServer: string | null
  #paused = false
  #everStreamed = false

  constructor(options: SourceOptions, deps: SourceDeps) {
    this.#options = options
    this.#checkpoint = options.checkpoint
    this.#start = options.settings.start
    this.#deps = deps
    this.#control = new ControlConnection(options.settings, options.settings)
    this.#outage = new Outage('MySQL', deps.log, deps.clock)
    this.#policy = new FailurePolicy(deps.clock)
    this.#serverId = options.settings.serverId ?? serverIdFor(options.name)
    this.#knownServer = options.checkpoint?.server.server ?? null
  }

  /** Resolves after an abort; rejects with a BingoError when reading cannot go on. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const before = this.#place()
        try {
          await this.#connectAndStream(signal)
        } catch (error) {
          if (signal.aborted) return
          if (this.#place() !== before) this.#policy.progressed()
          await this.#recover(classifyError(error, this.#options.settings), signal)
        }
      }
    } finally {
      this.#control.close()
    }
  }

  /** Stops taking bytes from the server until `resume` (invariant 6); the connection is kept, for hours if need be. */
  pause(): void {
    this.#paused = true
    this.#session?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#session?.resume()
  }

  /** The last boundary read; null before the first connection. */
  get position(): SourcePosition | null {
    return this.#feed?.position() ?? null
  }

  /**
   * Identity of the server and of one of its binlog files, by default the one being read. Give the file of the position
   * that is stored with it: a checkpoint may lie some files behind.
   */
  fingerprint(file?: string): ServerFingerprint {
    const stored = this.#checkpoint
    const feed = this.#feed
    const read = file === undefined ? feed?.fileCreated : feed?.fileCreatedOf(file)
    const fromCheckpoint = file === undefined || file === stored?.position.file ? stored?.server.fileCreated : 0
    return {
      flavour: this.#facts?.flavour ?? stored?.server.flavour ?? 'mysql',
      server: this.#knownServer ?? '',
      fileCreated: read || fromCheckpoint || 0,
    }
  }

  /** How far we are behind the server's own end; null when it cannot be asked. */
  async lag(): Promise<LagReport | null> {
    const feed = this.#feed
    if (feed === null || this.#facts === null) return null
    return probeLag(this.#control, this.#facts, () => feed.position())
  }

  async #connectAndStream(signal: AbortSignal): Promise<never> {
    const facts = await this.#readFacts()
    const resume = await this.#resumePoint(facts)
    const feed = (this.#feed ??= this.#openFeed(facts, resume))
    this.#knownServer = facts.identity
    const { settings, name } = this.#options
    const { stats, log, clock } = this.#deps
    const onStreaming = (): void => this.#streaming(facts)
    const session = new StreamSession(
      { settings, control: this.#control, facts, feed, stats, log, clock, onStreaming },
      resume,
      { serverId: this.#serverId, replicaUuid: replicaUuidFor(name, this.#serverId) },
    )
    this.#session = session
    if (this.#paused) session.pause()
    try {
      return await session.run(signal)
    } finally {
      this.#session = null
      this.#resolver?.forget()
      feed.interrupted()
    }
  }

  /** Preflight belongs to a server: it runs again when another one answers. */
  async #readFacts(): Promise<ServerFacts> {
    const facts = await readServerFacts(this.#control)
    if (facts.identity !== this.#facts?.identity) {
      const start = this.#known() === null ? this.#start : null
      const findings = await preflight({ control: this.#control, facts, serverId: this.#serverId, start })
      for (const { severity, code, message, sql } of findings) {
        if (severity === 'warning') this.#deps.log.warn({ code, sql }, message)
      }
      refuse(findings)
    }
    this.#facts = facts
    return facts
  }

  async #resumePoint(facts: ServerFacts): Promise<ResumePoint> {
    const known = this.#known()
    if (known !== null) return resumeFrom(known, this.#control, facts)
    this.#deps.log.info({ start: printStartPoint(this.#start) }, 'no position yet, first start')
    return startAt(this.#start, this.#control, facts)
  }

  #known(): KnownPosition | null {
    if (this.#feed !== null) {
      const position = this.#feed.position()
      const { fileCreated } = this.fingerprint(position.file)
      return { position, identity: this.#knownServer ?? '', fileCreated }
    }
    if (this.#checkpoint === null) return null
    const { position, server } = this.#checkpoint
    return { position, identity: server.server, fileCreated: server.fileCreated }
  }

  #openFeed(facts: ServerFacts, { position }: ResumePoint): PositionedFeed {
    this.#resolver = new InformationSchemaResolver(this.#control, facts, () => this.#feed?.readTo ?? null)
    return this.#deps.openFeed({
      position,
      gtids: facts.gtids,
      server: {
        flavour: facts.flavour,
        server: facts.identity,
        fileCreated: this.#checkpoint?.server.fileCreated ?? 0,
      },
      serverVersion: facts.version,
      schema: this.#resolver,
    })
  }

  #streaming(facts: ServerFacts): void {
    const position = this.position
    this.#everStreamed = true
    this.#outage.ended({
      server: printAddress(this.#options.settings),
      version: facts.version,
      file: position?.file,
      position: position?.offset,
      gtid: position?.gtidSet,
    })
  }

  async #recover(error: BingoError, signal: AbortSignal): Promise<void> {
    const { settings, failFast } = this.#options
    const { log, clock, stats } = this.#deps
    const otherServer = this.#facts !== null && this.#knownServer !== null && this.#facts.identity !== this.#knownServer
    const retries = this.#policy.retries(error, otherServer)
    if (!retries && isGap(error) && settings.onGap !== 'stop') return this.#beginAnew(error, settings.onGap)
    if (!retries || (failFast && !this.#everStreamed)) throw error
    this.#outage.failed(error, { server: printAddress(settings) })
    stats.reconnectsTotal++
    const waitMs = backoffMs(this.#policy.attempts, settings.reconnect.minMs, settings.reconnect.maxMs)
    log.debug({ ms: waitMs, attempt: this.#policy.attempts }, 'reconnecting')
    await clock.sleep(waitMs, signal).catch(() => undefined)
  }

  /** What lies between is lost knowingly: `onGap` says so. The loss is logged as an error and counted. */
  #beginAnew(error: BingoError, start: 'earliest' | 'latest'): void {
    const { log, stats } = this.#deps
    log.error(
      { code: error.code, onGap: start, reason: error.message },
      'changes are skipped: beginning anew after a gap',
    )
    stats.gapsTotal++
    this.#feed = null
    this.#checkpoint = null
    this.#knownServer = null
    this.#start = { tag: start }
  }

  #place(): string {
    const position = this.position
    return position === null ? '' : `${position.file}:${position.offset}:${position.gtidSet}`
  }
}
