import { TargetQueues } from '../deliver/deliveries.ts'
import { openDeadLetterStore } from '../state/dead-letters/open-store.ts'
import { actionTypes } from '../targets/registry.ts'
import { BinlogReader } from '../sources/mysql/binlog/reader.ts'
import { compileRowDecoder } from '../sources/mysql/binlog/rows/row-decoder.ts'
import { openCheckpointStore } from '../state/checkpoint/open-store.ts'
import { patiently } from '../state/checkpoint/patiently.ts'
import type { Config } from './config/config.ts'
import type { Log, Target, TargetConfig } from '../model/action.ts'
import type { TransactionHandler } from '../model/binlog-stream.ts'
import type { Checkpoint, CheckpointStore } from '../model/checkpoint.ts'
import type { Clock } from '../model/clock.ts'
import type { DeadLetterStore } from '../model/dead-letter.ts'
import type { DeliveryRun } from '../model/delivery-run.ts'
import { BingoError } from '../model/errors.ts'
import { NO_GAPS, type Gap, type GapLog } from '../model/gap.ts'
import type { Permit } from '../model/lease.ts'
import type { ServerFingerprint, SourcePosition } from '../model/position.ts'
import type { RuleSet } from '../model/rule.ts'
import type { Stats } from '../model/stats.ts'
import { runElected } from './election.ts'
import type { Elected } from './election.ts'
import { createPipeline } from '../flow/pipeline.ts'
import type { Pipeline, PipelineSource, SourceListener } from '../flow/pipeline-contract.ts'
import { GuardedCheckpoints, GuardedDeadLetters, GuardedTarget } from './standby/guarded.ts'
import { BinlogSource } from '../sources/mysql/source.ts'
import type { OpenFeed } from '../sources/mysql/replica/feed.ts'
import type { SourceSettings } from '../sources/mysql/options.ts'

export interface DaemonDeps {
  readonly log: Log
  readonly stats: Stats
  readonly clock: Clock
}

export interface Daemon {
  /** Resolves after a drained stop; rejects with the BingoError that ended it. */
  run(signal: AbortSignal): Promise<void>
  reload(ruleSet: RuleSet): void
  /** Where a restart would resume; null before the first connection. */
  readonly position: SourcePosition | null
  /** Changes that were skipped knowingly. */
  readonly gaps: GapLog
  /** Entries in the dead-letter store; 0 before the store is open. Rejects when the store cannot be asked. */
  deadLetterCount(): Promise<number>
}

/** Builds everything that a configuration names: stores, source, pipeline. Nothing is opened before `run`. */
export function createDaemon(config: Config, ruleSet: RuleSet, deps: DaemonDeps): Daemon {
  return new ConfiguredDaemon(config, ruleSet, deps)
}

class ConfiguredDaemon implements Daemon {
  private readonly config: Config
  private readonly deps: DaemonDeps
  private ruleSet: RuleSet
  private pipeline: Pipeline | null = null
  private deadLetters: DeadLetterStore | null = null

  constructor(config: Config, ruleSet: RuleSet, deps: DaemonDeps) {
    this.config = config
    this.ruleSet = ruleSet
    this.deps = deps
  }

  get position(): SourcePosition | null {
    return this.pipeline?.position ?? null
  }

  get gaps(): GapLog {
    return this.pipeline?.gaps ?? NO_GAPS
  }

  async deadLetterCount(): Promise<number> {
    return (await this.deadLetters?.count()) ?? 0
  }

  reload(ruleSet: RuleSet): void {
    this.ruleSet = ruleSet
    this.pipeline?.reload(ruleSet)
  }

  async run(signal: AbortSignal): Promise<void> {
    await runElected(this.config, this.deps, signal, (elected) => this.lead(signal, elected))
  }

  private async lead(signal: AbortSignal, elected: Elected | null): Promise<void> {
    const { config, deps } = this
    const checkpoints = openCheckpointStore(config.checkpoint.store, config.name, { log: deps.log })
    try {
      const checkpoint = await patiently(checkpoints, deps, signal, () => checkpoints.load())
      if (checkpoint === 'stopped') return
      const run = { checkpoint, epoch: epochAfter(checkpoint, deps.clock), elected }
      if (elected !== null && !(await elected.claim(checkpoints, run, signal))) return
      const { maxCount, maxBytes, maxAgeMs } = config.deadLetters
      const deadLetters = await openDeadLetterStore({
        store: config.deadLetters.store,
        checkpointStore: config.checkpoint.store,
        name: config.name,
        limits: { maxCount, maxBytes, maxAgeMs },
        log: deps.log,
      })
      this.deadLetters = deadLetters
      try {
        await this.runPipeline(run, checkpoints, deadLetters, signal)
      } finally {
        this.deadLetters = null
        await deadLetters.close()
      }
    } finally {
      await checkpoints.close()
    }
  }

  private async runPipeline(
    { checkpoint, epoch, elected }: Run,
    checkpoints: CheckpointStore,
    deadLetters: DeadLetterStore,
    signal: AbortSignal,
  ): Promise<void> {
    const { config, deps } = this
    const permit = elected?.permit
    this.pipeline = createPipeline(
      {
        name: config.name,
        lanes: config.lanes,
        checkpointIntervalMs: config.checkpoint.intervalMs,
        shutdownDeadlineMs: config.shutdown.deadlineMs,
        start: checkpoint?.position ?? null,
        gaps: checkpoint?.gaps,
        epoch,
      },
      {
        ...deps,
        ruleSet: this.ruleSet,
        source: new ConfiguredSource(config, checkpoint, { ...deps, permit, needed: () => this.position }),
        checkpoints: permit === undefined ? checkpoints : new GuardedCheckpoints(checkpoints, permit),
        deliveries: (run, hooks) =>
          new TargetQueues(
            {
              ...deps,
              lanes: config.lanes,
              deadLetters: permit === undefined ? deadLetters : new GuardedDeadLetters(deadLetters, permit),
              openTarget: async (target) => {
                if (permit === undefined) return openTarget(target, run, deps)
                return new GuardedTarget(await openTarget(target, run, deps, () => permit.valid), permit)
              },
            },
            hooks,
          ),
        replaced: elected?.replaced,
        compileRowDecoder,
      },
    )
    await this.pipeline.run(signal)
  }
}

/** What one run begins with. */
interface Run {
  readonly checkpoint: Checkpoint | null
  readonly epoch: number
  readonly elected: Elected | null
}

/** Without a checkpoint: above that of any run before it was lost, which targets may remember. */
function epochAfter(checkpoint: Checkpoint | null, clock: Clock): number {
  return checkpoint === null ? Math.floor(clock.now() / 1_000) : checkpoint.epoch + 1
}

/** The replica connection and the reader of its bytes, as one source of transactions. */
export class ConfiguredSource implements PipelineSource {
  private readonly source: BinlogSource
  private readonly deps: DaemonDeps
  private handler: TransactionHandler | null = null
  private listener: Partial<SourceListener> = {}
  private reader: BinlogReader | null = null
  /** The server that the reader was opened for; the source knows it only once the stream has begun. */
  private server: ServerFingerprint | null = null

  constructor(
    config: { readonly name: string; readonly source: SourceSettings },
    checkpoint: Checkpoint | null,
    deps: DaemonDeps & { readonly permit?: Permit | undefined; readonly needed?: () => SourcePosition | null },
    failFast = false,
  ) {
    this.deps = deps
    const openFeed: OpenFeed = (start) => this.open(start)
    this.source = new BinlogSource(
      { name: config.name, settings: config.source, checkpoint, failFast },
      { ...deps, openFeed, onGap: (gap) => this.passGap(gap) },
    )
  }

  run(handler: TransactionHandler, signal: AbortSignal, listener: Partial<SourceListener> = {}): Promise<void> {
    this.handler = handler
    this.listener = listener
    return this.source.run(signal)
  }

  pause(): void {
    this.source.pause()
  }

  resume(): void {
    this.source.resume()
  }

  forgetWanted(): void {
    this.reader?.reconsiderTables()
  }

  fingerprint(file: string): ServerFingerprint {
    const created = this.reader?.fileCreatedOf(file) ?? 0
    const known = this.source.fingerprint(file)
    const fingerprint = known.server === '' && this.server !== null ? this.server : known
    return created === 0 ? fingerprint : { ...fingerprint, fileCreated: created }
  }

  private open({ position, schema, server, foldsNames }: Parameters<OpenFeed>[0]): BinlogReader {
    this.server = server
    this.reader = new BinlogReader({
      flavour: position.flavour,
      handler: this.handler!,
      schemas: schema,
      startGtidSet: position.gtidSet,
      startFile: position.file,
      startOffset: position.offset,
      stats: this.deps.stats,
      foldsNames,
      onWarning: (code, message) => this.deps.log.warn({ code }, message),
    })
    this.listener.started?.(position)
    return this.reader
  }

  /** What the old reader knew of files holds no more: behind a RESET their names mean other ones. */
  private async passGap(gap: Gap): Promise<void> {
    this.reader = null
    this.server = null
    await this.listener.gap?.(gap)
  }
}

function openTarget(
  target: TargetConfig,
  run: DeliveryRun,
  { log, clock }: DaemonDeps,
  mayDeliver?: () => boolean,
): Promise<Target> {
  const type = actionTypes().get(target.type)
  if (type === undefined) throw new BingoError('BINGO_TARGET_UNKNOWN', `no action type ${target.type}`)
  return type.open(target, { log: log.child({ target: target.id }), now: () => clock.now(), run, mayDeliver })
}
