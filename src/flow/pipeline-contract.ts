import type { Log } from '../model/action.ts'
import type { TransactionHandler } from '../model/binlog-stream.ts'
import type { CheckpointStore } from '../model/checkpoint.ts'
import type { Clock } from '../model/clock.ts'
import type { Deliveries, DeliveryHooks } from '../model/deliveries.ts'
import type { DeliveryRun } from '../model/delivery-run.ts'
import type { Gap, GapLog } from '../model/gap.ts'
import type { ServerFingerprint, SourcePosition } from '../model/position.ts'
import type { RuleSet } from '../model/rule.ts'
import type { Stats } from '../model/stats.ts'
import type { CompileRowDecoder } from '../match/program/program.ts'

/** What wires the stages together (pipeline.ts), as the daemon sees it. */
export interface Pipeline {
  /** Resolves after a drained stop; rejects with the BingoError that ended it. */
  run(signal: AbortSignal): Promise<void>
  /** Takes effect from the next row on; jobs under way keep the rules they were matched by. */
  reload(ruleSet: RuleSet): void
  /** Where a restart would resume. */
  readonly position: SourcePosition | null
  /** Changes that were skipped knowingly. */
  readonly gaps: GapLog
}

export interface PipelineOptions {
  readonly name: string
  readonly lanes: number
  readonly checkpointIntervalMs: number
  readonly shutdownDeadlineMs: number
  /** The stored position; null for a first start. */
  readonly start: SourcePosition | null
  /** As stored with it. */
  readonly gaps?: GapLog | undefined
  /** Fencing number of this run, written with every checkpoint. */
  readonly epoch: number
}

/** What a source tells beside its transactions. */
export interface SourceListener {
  /** Where reading begins, before anything was read. */
  started(position: SourcePosition): void
  /** A gap is about to be passed; nothing behind it is read before this resolves. */
  gap(gap: Gap): Promise<void>
}

/** What streams transactions into the pipeline. */
export interface PipelineSource {
  /** Resolves when aborted; rejects with a BingoError when it cannot go on. Reconnects by itself in between. */
  run(handler: TransactionHandler, signal: AbortSignal, listener: SourceListener): Promise<void>
  /** Stop and go on reading (invariant 6). */
  pause(): void
  resume(): void
  /** The rules changed: ask again which tables are wanted. */
  forgetWanted(): void
  /** Identity of the server and of one of its binlog files. */
  fingerprint(file: string): ServerFingerprint
}

export interface PipelineDeps {
  readonly ruleSet: RuleSet
  readonly source: PipelineSource
  readonly checkpoints: CheckpointStore
  /** Rejects when another instance has taken over. Absent: this one is alone. */
  readonly replaced?: Promise<void> | undefined
  readonly deliveries: (run: DeliveryRun, hooks: DeliveryHooks) => Deliveries
  readonly compileRowDecoder: CompileRowDecoder
  readonly log: Log
  readonly stats: Stats
  readonly clock: Clock
}
