import type { Log } from '../../model/rule/action.ts'
import type { TransactionHandler } from '../../model/source/binlog-stream.ts'
import type { Clock } from '../../model/clock.ts'
import type { Gap } from '../../model/event/gap.ts'
import type { RowIntake } from '../../model/source/intake.ts'
import type { Permit } from '../../model/state/lease.ts'
import type { ServerFingerprint, SourcePosition } from '../../model/source/position.ts'
import { PauseReasons, type Positions, type Source } from '../../model/source/source.ts'
import type { SourceState } from '../../model/source/source-state.ts'
import type { Stats } from '../../model/stats.ts'
import { BinlogReader } from './binlog/reader.ts'
import { BinlogSource } from './binlog-source.ts'
import { BinlogPositions, type BinlogPosition } from './binlog-positions.ts'
import type { SourceSettings } from './options.ts'
import type { OpenFeed } from './replica/feed.ts'
import type { WatchedOutbox } from './server/preflight/outbox-tables.ts'
import type { WantsTable } from './server/preflight/unlogged-rows.ts'

export interface MysqlSourceDeps {
  readonly log: Log
  readonly stats: Stats
  readonly state: SourceState
  readonly clock: Clock
  /** Asked before each connection: only who leads may read. Absent: always. */
  readonly permit?: Permit | undefined
  /** Whether some rule reads a table: preflight warns of what the server does not log of these. Absent: unknown. */
  readonly wants?: WantsTable | undefined
  /** As in SourceDeps (source-deps.ts). */
  readonly outboxes?: readonly WatchedOutbox[] | undefined
  /** Tables whose changes the server may log as statements: they are skipped and counted. Absent: none. */
  readonly ignoresStatementsOn?: ((schema: string, table: string) => boolean) | undefined
  /** From where on the binlog is still needed: what the server keeps is measured from there. */
  readonly needed?: (() => SourcePosition | null) | undefined
}

export interface MysqlSourceOptions {
  readonly name: string
  readonly replicaName: string
  /** Begins the id of each transaction. Absent: nothing does. */
  readonly idPrefix?: string | undefined
  readonly source: SourceSettings
}

/** A position that was not stored says nothing of its server. */
const NO_SERVER: ServerFingerprint = { flavour: 'mysql', server: '', fileCreated: 0 }

/** What is told beside the transactions. */
export interface StreamListener {
  started(position: SourcePosition): void
  gap(gap: Gap): Promise<void>
}

/** One MySQL or MariaDB server as a source: the replica connection and the reader of its bytes. */
export class MysqlSource implements Source<BinlogPosition> {
  readonly name: string
  readonly positions: Positions<BinlogPosition>
  readonly state: SourceState
  private readonly settings: SourceSettings
  private readonly replicaName: string
  private readonly idPrefix: string | undefined
  private readonly deps: MysqlSourceDeps
  private readonly failFast: boolean
  private readonly pauses: PauseReasons
  private connection: BinlogSource | null = null
  private reader: BinlogReader | null = null
  /** The server that the reader was opened for; the connection knows it only once the stream has begun. */
  private server: ServerFingerprint | null = null

  /**
   * `replicaName` gives the server id and UUID under which the server sees us. `failFast`: a first connection that fails
   * ends `run`, where it would be tried again otherwise.
   */
  constructor(options: MysqlSourceOptions, deps: MysqlSourceDeps, failFast = false) {
    this.name = options.name
    this.replicaName = options.replicaName
    this.idPrefix = options.idPrefix
    this.settings = options.source
    this.deps = deps
    this.state = deps.state
    this.failFast = failFast
    this.positions = new BinlogPositions((file) => this.fingerprint(file))
    this.pauses = new PauseReasons((paused) => (paused ? this.connection?.pause() : this.connection?.resume()))
  }

  run(into: RowIntake<BinlogPosition>, from: BinlogPosition | null, signal: AbortSignal): Promise<void> {
    const started = (position: SourcePosition): void => {
      // A start by GTID set alone has no file yet, and begins at the same place however often it is repeated.
      if (position.file !== '') into.started(position)
    }
    return this.stream(into, { started, gap: (gap) => into.gap(gap, gap.to) }, from, signal)
  }

  /** The same for whoever wants transactions only: `bingo tail`. */
  stream(
    handler: TransactionHandler,
    listener: Partial<StreamListener>,
    from: BinlogPosition | null,
    signal: AbortSignal,
  ): Promise<void> {
    const openFeed: OpenFeed = (start) => this.open(start, handler, listener)
    const onGap = async (gap: Gap): Promise<void> => {
      // What the old reader knew of files holds no more: behind a RESET their names mean other ones.
      this.reader = null
      this.server = null
      await listener.gap?.(gap)
    }
    this.connection = new BinlogSource(
      {
        name: this.replicaName,
        settings: this.settings,
        checkpoint: from === null ? null : { position: from, server: from.server ?? NO_SERVER },
        failFast: this.failFast,
      },
      { ...this.deps, openFeed, onGap },
    )
    if (this.pauses.paused) this.connection.pause()
    return this.connection.run(signal)
  }

  pause(reason: object): void {
    this.pauses.pause(reason)
  }

  resume(reason: object): void {
    this.pauses.resume(reason)
  }

  rulesChanged(): void {
    this.reader?.reconsiderTables()
  }

  private fingerprint(file: string): ServerFingerprint {
    const created = this.reader?.fileCreatedOf(file) ?? 0
    const known = this.connection!.fingerprint(file)
    const fingerprint = known.server === '' && this.server !== null ? this.server : known
    return created === 0 ? fingerprint : { ...fingerprint, fileCreated: created }
  }

  private open(
    { position, schema, server, foldsNames }: Parameters<OpenFeed>[0],
    handler: TransactionHandler,
    listener: Partial<StreamListener>,
  ): BinlogReader {
    this.server = server
    this.reader = new BinlogReader({
      flavour: position.flavour,
      handler,
      idPrefix: this.idPrefix,
      schemas: schema,
      startGtidSet: position.gtidSet,
      startFile: position.file,
      startOffset: position.offset,
      stats: this.deps.stats,
      foldsNames,
      ignoresStatementsOn: this.deps.ignoresStatementsOn ?? (() => false),
      onWarning: (code, message) => this.deps.log.warn({ code }, message),
    })
    listener.started?.(position)
    return this.reader
  }
}
