import type { Log } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import type { DeadLetter, DeadLetterFilter } from '../../model/delivery/dead-letter.ts'
import type { DropResult } from '../../model/delivery/deliveries.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { Source } from '../../model/source/source.ts'
import type { Environment } from '../../model/secrets.ts'
import type { TargetType } from '../../targets/custom/target-type.ts'
import type { EventToPublish, PublishedEvent, PublishOptions } from '../../events/to-publish.ts'
import type { BrokerInput, ConfigInput, EventsInput, SourceInput } from '../config/input.ts'

/** YAML text, files (paths, folders and globs; relative to the working directory), or what `loadRules` answered. */
export type RulesInput = string | { readonly files: string | readonly string[] } | RuleSet

/** A MySQL or MariaDB server: `source:` of the configuration, with its names and defaults (docs/configuration.md). */
export interface MysqlSourceOptions extends Readonly<SourceInput> {
  readonly type: 'mysql'
  /** Default: `binlog`, whose position is the checkpoint that `bingo position` shows and sets. */
  readonly name?: string | undefined
}

/** A broker: an entry of `sources:` of the configuration (docs/sources.md). Default `name`: its type. */
export type BrokerSourceOptions = Readonly<BrokerInput>

/** Settings of the configuration that hold for a library too, under their names there (docs/configuration.md). */
export type PipelineSettings = Readonly<
  Pick<
    ConfigInput,
    | 'lanes'
    | 'budget'
    | 'targetBudget'
    | 'spool'
    | 'delivery'
    | 'deadLetters'
    | 'redis'
    | 'shutdown'
    | 'targets'
    | 'webhooks'
  >
> & { readonly checkpoint?: Readonly<Pick<NonNullable<ConfigInput['checkpoint']>, 'interval'>> | undefined }

export interface LoadRulesOptions {
  /** Types that rules may use beside the built-in ones. */
  readonly targets?: readonly TargetType[] | undefined
  readonly settings?: PipelineSettings | undefined
  /** For `${env:NAME}` in rules and settings. Default: the environment of the process. */
  readonly env?: Environment | undefined
}

export interface PipelineOptions extends LoadRulesOptions {
  /** Owner of positions and dead letters: letters, digits, ".", "_" and "-", at most 64. One running pipeline per name. */
  readonly name: string
  /** Each with a name of its own; at least one, unless `events` are taken. */
  readonly sources?: readonly (Source<object> | MysqlSourceOptions | BrokerSourceOptions)[] | undefined
  /**
   * Takes events that are published, and those that `type: event` actions make: they are kept in `store` (`file:PATH`,
   * `memory:`, `mysql://`, `mariadb://`, `postgres://`) and go through the rules with `on:`. Settings as `events:` of the
   * configuration. Default: none are taken.
   */
  readonly events?: (Readonly<EventsInput> & { readonly store: string }) | undefined
  readonly rules: RulesInput
  /**
   * Where positions and dead letters are kept: `memory:` (for the life of the pipeline), `file:PATH`, `redis://HOST:PORT/DB`
   * (also rediss, Sentinel, Cluster).
   */
  readonly state: string
  /** Default: silent. */
  readonly log?: Log | undefined
  /** Default: the system's. */
  readonly clock?: Clock | undefined
}

/** Sources, rules and targets of an application, wired together; independent of every other pipeline of the process. */
export interface Pipeline {
  /**
   * Reads until `signal` is aborted or every source has ended, delivers what was read, and resolves when positions are stored
   * and everything is closed. A stop waits up to `shutdown.deadline` for deliveries; what is left comes again in the next
   * run. Rejects with what ended it: a BingoError with a stable code (docs/errors.md), or what a source threw. Can be called
   * once: BINGO_PIPELINE_STARTED.
   */
  run(signal?: AbortSignal): Promise<void>
  /** From the next event on. Rejects with ProblemsError where the rules are wrong: the present ones then stay in force. */
  reload(rules: RulesInput): Promise<void>
  /**
   * Stores an event for the rules, and resolves when that is as durable as the store can make it. Rejects with
   * BINGO_PIPELINE_NOT_RUNNING, BINGO_EVENTS_OFF, BINGO_EVENT_REFUSED (with `problems`), BINGO_EVENT_TOO_LARGE,
   * BINGO_EVENT_CONFLICT, or the error of the store.
   */
  publish(event: EventToPublish, options?: PublishOptions): Promise<PublishedEvent>
  /** As `publish`, all or none. */
  publishBatch(events: readonly EventToPublish[], options?: PublishOptions): Promise<readonly PublishedEvent[]>
  /** What waits for a target that no rule names any more goes to the dead letters. */
  dropTarget(target: string): DropResult
  /** What could not be delivered, oldest first. With `state: 'memory:'` only while it runs. */
  deadLetters(filter?: DeadLetterFilter): AsyncIterable<DeadLetter>
  /**
   * Sends dead letters again by their own actions, in the order of each row, and removes what was taken; later changes of a
   * row that waits behind them go along. While the pipeline runs or not; a target is opened once more for it. Rejects with
   * BINGO_DEAD_LETTERS_BUSY where another redelivery is at work.
   */
  redeliver(filter?: DeadLetterFilter, signal?: AbortSignal): Promise<RedeliveryResult>
  /** A copy, as of now. Before and after `run` it can be asked too. */
  stats(): PipelineStats
}

export interface RedeliveryResult {
  readonly sent: number
  /** Dropped: the rule, as it is now, does not match them any more. */
  readonly unmatched: number
  /** Of those that were chosen, and of what waits behind them: still dead letters. */
  readonly left: number
  /** Why, for the first of each row. */
  readonly failures: readonly { readonly id: string; readonly code: string; readonly message: string }[]
}

/** `…Total` count since the pipeline was created. Times are milliseconds since 1970, 0 = never. */
export interface PipelineStats {
  /** Groups of changes that were committed. */
  readonly transactionsTotal: number
  /** Changes of tables that some rule names. */
  readonly rowsTotal: number
  /** Changes that at least one rule matched. */
  readonly matchedTotal: number
  /** Actions that have not ended, and the bytes charged for them. */
  readonly inFlight: { readonly jobs: number; readonly bytes: number }
  readonly sources: { readonly [name: string]: SourceStatsOfPipeline }
  readonly rules: { readonly [id: string]: RuleStatsOfPipeline }
  readonly targets: { readonly [id: string]: TargetStatsOfPipeline }
}

export interface SourceStatsOfPipeline {
  /** Where a restart would resume, as the source prints it; null until that is known. */
  readonly position: string | null
  /** Everything that the source has was read. */
  readonly caughtUp: boolean
  /** Times that changes were skipped knowingly (`onGap`). */
  readonly gaps: number
}

/** Matches and errors count changes; the others count actions, of which a change can cause several. */
export interface RuleStatsOfPipeline {
  readonly matchedTotal: number
  readonly actionsTotal: number
  readonly deliveredTotal: number
  readonly coalescedTotal: number
  readonly errorsTotal: number
  readonly deadLettersTotal: number
}

export interface TargetStatsOfPipeline {
  readonly type: string
  readonly sendsTotal: number
  readonly deliveredTotal: number
  /** Attempts that failed. */
  readonly failedTotal: number
  readonly queued: number
  /** Since when it is down. */
  readonly downSince: number
  readonly lastError: string | null
}
