import { backoffMs } from '../../model/delivery/backoff.ts'
import type { BingoError } from '../../model/errors.ts'
import type { ServerFingerprint, SourcePosition, StartPoint } from '../../model/source/position.ts'
import { printAddress, type SourceAddress } from './source-address.ts'
import { ControlConnection } from './server/login/control-connection.ts'
import { FailurePolicy, givenUp, isGap } from './failure-policy.ts'
import type { Place, PositionedFeed } from './replica/feed.ts'
import type { SourceOptions } from './options.ts'
import { type PassedGap, passedGap, plain } from './passed-gap.ts'
import type { KnownPosition, ResumePoint } from './resume-point.ts'
import { InformationSchemaResolver } from './schema/schema-resolver.ts'
import { type Found, ServerExaminer } from './server/server-examiner.ts'
import { foldsNames, type ServerFacts } from './server/server-facts.ts'
import { replicaUuidFor, serverIdFor } from './server/server-id.ts'
import { NoServerFound, ServerSearch } from './server/server-search.ts'
import { classifyError } from './server/login/source-error.ts'
import type { SourceDeps } from './source-deps.ts'
import { SourceOutage } from './source-outage.ts'
import { StreamSession } from './replica/stream-session.ts'

/**
 * Reads one server's binlog as a replica and hands the bytes of every event to a feed. Connections come and go; each
 * new one begins at the feed's last boundary between transactions, so that nothing is skipped (invariants 1, 4, 8).
 */
export class BinlogSource {
  readonly #options: SourceOptions
  readonly #deps: SourceDeps
  readonly #control: ControlConnection
  readonly #search: ServerSearch
  readonly #outage: SourceOutage
  readonly #policy: FailurePolicy
  readonly #serverId: number
  readonly #examiner: ServerExaminer
  #checkpoint: SourceOptions['checkpoint']
  #start: StartPoint
  #feed: PositionedFeed | null = null
  #facts: ServerFacts | null = null
  #session: StreamSession | null = null
  #resolver: InformationSchemaResolver | null = null
  /** Server that the present position was read from. */
  #knownServer: string | null
  /** Why the next beginning skips changes; null for one that skips nothing. */
  #gap: PassedGap | null = null
  #paused = false
  #everStreamed = false

  constructor(options: SourceOptions, deps: SourceDeps) {
    this.#options = options
    this.#checkpoint = options.checkpoint
    this.#start = options.settings.start
    this.#deps = deps
    this.#search = new ServerSearch(options.settings, options.settings.hosts)
    this.#control = new ControlConnection(this.#search.current, options.settings, deps.clock)
    this.#outage = new SourceOutage(deps)
    this.#policy = new FailurePolicy(deps.clock)
    this.#serverId = options.settings.serverId ?? serverIdFor(options.name)
    const oneOfSeveral = options.settings.hosts.length > 1
    const { wants = () => false, outboxes = [] } = deps
    const examined = { serverId: this.#serverId, oneOfSeveral, wants, outboxes }
    this.#examiner = new ServerExaminer(this.#control, examined, deps.log)
    this.#knownServer = options.checkpoint?.server.server ?? null
  }

  /** Resolves after an abort; rejects with a BingoError when reading cannot go on. */
  async run(signal: AbortSignal): Promise<void> {
    const stopAsking = (): void => this.#control.close()
    signal.addEventListener('abort', stopAsking, { once: true })
    try {
      while (!signal.aborted) {
        const before = this.#place()
        try {
          await this.#deps.permit?.granted(signal)
          await this.#connectAndStream(signal)
        } catch (error) {
          if (signal.aborted) return
          if (this.#place() !== before) {
            this.#policy.progressed()
            this.#search.progressed()
          }
          await this.#recover(classifyError(error, this.#search.current), signal)
        }
      }
    } finally {
      signal.removeEventListener('abort', stopAsking)
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

  async #connectAndStream(signal: AbortSignal): Promise<never> {
    this.#examiner.metOther = false
    const examine = (address: SourceAddress): Promise<Found> =>
      this.#examiner.examine(address, this.#known(), this.#start)
    const { facts, resume } = await this.#search.find(examine, signal)
    this.#facts = facts
    this.#knownServer = facts.identity
    await this.#passGap(resume)
    const feed = (this.#feed ??= this.#openFeed(facts, resume))
    const { settings, name } = this.#options
    const { state, log, clock } = this.#deps
    const address = this.#search.current
    const needed = this.#deps.needed ?? (() => null)
    const onStreaming = (): void => this.#streaming(facts)
    const session = new StreamSession(
      {
        settings: { ...settings, ...address },
        control: this.#control,
        facts,
        feed,
        needed,
        state,
        log,
        clock,
        onStreaming,
      },
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

  /** The gap is on record before anything behind it is read: a crash in between finds the same place again. */
  async #passGap({ position }: ResumePoint): Promise<void> {
    const gap = this.#gap
    if (gap === null) return
    await this.#deps.onGap?.({ ...gap, to: plain(position) })
    this.#gap = null
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
    const readTo = (): Place | null => this.#feed?.readTo ?? null
    const warn = (fields: object, message: string): void => this.#deps.log.warn(fields, message)
    this.#resolver = new InformationSchemaResolver(this.#control, facts, readTo, warn)
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
      foldsNames: () => foldsNames(this.#facts ?? facts),
    })
  }

  #streaming(facts: ServerFacts): void {
    this.#everStreamed = true
    this.#outage.ended(printAddress(this.#search.current), facts, this.position)
  }

  async #recover(error: BingoError, signal: AbortSignal): Promise<void> {
    const { settings, failFast } = this.#options
    const { log, clock } = this.#deps
    const retries = this.#policy.retries(error, this.#examiner.metOther)
    const server = printAddress(this.#search.current)
    if (!retries && this.#search.giveUp(error)) {
      log.warn(
        { code: error.code, server, reason: error.message },
        'server cannot resume this position, trying the other servers',
      )
    } else {
      const gap = this.#gapToPass(error, retries)
      if (gap !== null && settings.onGap !== 'stop') return this.#beginAnew(gap, settings.onGap)
      if (!retries) throw givenUp(error, this.#policy.attempts)
      if (failFast && !this.#everStreamed) throw error
    }
    this.#outage.failed(error, server)
    const waitMs = backoffMs(this.#policy.attempts, settings.reconnect.minMs, settings.reconnect.maxMs)
    log.debug({ ms: waitMs, attempt: this.#policy.attempts }, 'reconnecting')
    await clock.sleep(waitMs, signal).catch(() => undefined)
  }

  /** The gap that `onGap` may decide about; null while trying again may still find the changes somewhere. */
  #gapToPass(error: BingoError, retries: boolean): BingoError | null {
    const gap = error instanceof NoServerFound ? error.gap : isGap(error) ? error : null
    if (gap === null || !retries) return gap
    return error instanceof NoServerFound && this.#policy.stands() ? gap : null
  }

  /** What lies between is lost knowingly: `onGap` says so. The loss is logged as an error, counted and kept on record. */
  #beginAnew(error: BingoError, onGap: 'earliest' | 'latest'): void {
    const from = this.position ?? this.#checkpoint?.position ?? null
    const gap = passedGap(error, onGap, from, this.#deps.clock.now())
    const { code, missing, reason } = gap
    this.#deps.log.error({ code, onGap, missing, reason }, 'changes skipped: restarting after a gap')
    this.#deps.stats.gapsTotal++
    this.#gap = gap
    this.#feed = null
    this.#checkpoint = null
    this.#knownServer = null
    this.#start = { tag: onGap }
  }

  #place(): string {
    const position = this.position
    return position === null ? '' : `${position.file}:${position.offset}:${position.gtidSet}`
  }
}
