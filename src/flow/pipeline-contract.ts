import type { Log } from '../model/rule/action.ts'
import type { Clock } from '../model/clock.ts'
import type { Commands } from '../model/delivery/commands.ts'
import type { Deliveries, DeliveryHooks, DropResult } from '../model/delivery/deliveries.ts'
import type { DeliveryRun } from '../model/delivery/delivery-run.ts'
import type { LookupReader } from '../model/delivery/lookup-reader.ts'
import type { WaitingStore } from '../model/delivery/waiting.ts'
import type { GapLog } from '../model/event/gap.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import type { Stats } from '../model/stats.ts'
import type { CompileRowDecoder, CompileRowImages } from '../match/program/row-decoder.ts'
import type { SourceEntry } from './reading/reading.ts'

/** What wires the stages together (pipeline.ts), as whoever runs it sees it. */
export interface Pipeline {
  /** Resolves after a drained stop, or when every source has ended; rejects with the BingoError that ended it. */
  run(signal: AbortSignal): Promise<void>
  /** Takes effect from the next event on; jobs in flight keep the rules they were matched by. */
  reload(ruleSet: RuleSet): void
  /** Where a restart would resume the first source, or the source of that name. Opaque to all but that source. */
  position(source?: string): object | null
  /** Changes of the first source, or of the source of that name, that were skipped knowingly. */
  gaps(source?: string): GapLog
  /** Sends commands, beside what rules deliver. */
  readonly commands: Commands
  /** What waits for a target that no rule names any more goes to the dead letters. */
  dropTarget(target: string): DropResult
  /** Since when the target is paused, milliseconds since 1970; 0: its events go on, in order. False: nobody knows it. */
  setTargetPaused(target: string, sinceMs: number): boolean
  /** Evaluates what waits for a suspended rule again; false: it is not suspended. */
  resumeRule(rule: string): boolean
}

export interface PipelineOptions {
  readonly name: string
  readonly lanes: number
  readonly checkpointIntervalMs: number
  readonly shutdownDeadlineMs: number
  /** So many changes in a row that fail with one code suspend their rule; Infinity: none. */
  readonly breakerEvents: number
  /** Fencing number of this run, written with every checkpoint. */
  readonly epoch: number
}

export interface PipelineDeps {
  readonly ruleSet: RuleSet
  /** At least one. Positions are opaque: each entry's are its own source's. */
  readonly sources: readonly SourceEntry<object>[]
  /** Rejects when another instance has taken over. Absent: this one is alone. */
  readonly replaced?: Promise<void> | undefined
  readonly deliveries: (run: DeliveryRun, hooks: DeliveryHooks) => Deliveries
  /** Absent where no rule has any. */
  readonly lookups?: LookupReader | undefined
  /** Where events wait that are delayed. */
  readonly waiting: WaitingStore
  readonly compileRowDecoder: CompileRowDecoder
  /** Absent: rows are decoded for whatever is sent of them. */
  readonly compileRowImages?: CompileRowImages | undefined
  readonly log: Log
  readonly stats: Stats
  readonly clock: Clock
}
