import { TargetQueues } from '../deliver/deliveries.ts'
import type { WriteLine } from '../deliver/queue/send-log.ts'
import { actionTypes } from '../targets/registry.ts'
import { compileRowDecoder } from '../sources/mysql/binlog/rows/row-decoder.ts'
import { openCheckpointStore, openDeadLetterStore } from '../state/open.ts'
import { patiently } from '../state/checkpoint/patiently.ts'
import { anyTable } from './config/table-patterns.ts'
import type { Config } from './config/config.ts'
import type { Log, Target, TargetConfig, TargetContext } from '../model/action.ts'
import type { DropResult } from '../model/deliveries.ts'
import type { Checkpoint, CheckpointStore } from '../model/checkpoint.ts'
import type { Clock } from '../model/clock.ts'
import type { DeadLetterStore } from '../model/dead-letter.ts'
import type { DeliveryRun } from '../model/delivery-run.ts'
import { BingoError } from '../model/errors.ts'
import { NO_GAPS, type GapLog } from '../model/gap.ts'
import type { SourcePosition } from '../model/position.ts'
import type { RuleSet } from '../model/rule.ts'
import { SourceState } from '../model/source-state.ts'
import type { Stats } from '../model/stats.ts'
import { beginWithoutCheckpoint } from './first-start.ts'
import { runElected } from './election.ts'
import { stateSettings } from './state-settings.ts'
import type { Elected } from './election.ts'
import { createPipeline } from '../flow/pipeline.ts'
import type { Pipeline } from '../flow/pipeline-contract.ts'
import { sourceEntry } from '../flow/reading.ts'
import { MysqlSource } from '../sources/mysql/mysql-source.ts'
import { BinlogCheckpoints } from './binlog-checkpoints.ts'
import { GuardedCheckpoints, GuardedDeadLetters, GuardedTarget } from './standby/guarded.ts'

export interface DaemonDeps {
  readonly log: Log
  readonly stats: Stats
  readonly clock: Clock
  /** As in TargetContext: the process decides when files that targets write are opened anew. */
  readonly onReopen?: TargetContext['onReopen']
}

export interface Daemon {
  /** Resolves after a drained stop; rejects with the BingoError that ended it. */
  run(signal: AbortSignal): Promise<void>
  reload(ruleSet: RuleSet): void
  /** What waits for a target that no rule names any more goes to the dead letters. */
  dropTarget(target: string): DropResult
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

const SOURCE_NAME = 'binlog'

class ConfiguredDaemon implements Daemon {
  private readonly config: Config
  private readonly deps: DaemonDeps
  private ruleSet: RuleSet
  private readonly state = new SourceState()
  private pipeline: Pipeline | null = null
  private deadLetters: DeadLetterStore | null = null

  constructor(config: Config, ruleSet: RuleSet, deps: DaemonDeps) {
    this.config = config
    this.ruleSet = ruleSet
    this.deps = deps
    deps.stats.sources.set(SOURCE_NAME, this.state)
  }

  get position(): SourcePosition | null {
    return (this.pipeline?.position() ?? null) as SourcePosition | null
  }

  get gaps(): GapLog {
    return this.pipeline?.gaps() ?? NO_GAPS
  }

  async deadLetterCount(): Promise<number> {
    return (await this.deadLetters?.count()) ?? 0
  }

  dropTarget(target: string): DropResult {
    return this.pipeline?.dropTarget(target) ?? 'unknown'
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
    const settings = stateSettings(config, deps.log)
    const checkpoints = await openCheckpointStore(settings)
    try {
      const checkpoint = await patiently(checkpoints, deps, signal, () => checkpoints.load())
      if (checkpoint === 'stopped') return
      const run = { checkpoint, epoch: epochAfter(checkpoint, deps.clock), elected }
      if (elected !== null && !(await elected.claim(checkpoints, run, signal))) return
      const { maxCount, maxBytes, maxAgeMs } = config.deadLetters
      const deadLetters = await openDeadLetterStore(settings, { maxCount, maxBytes, maxAgeMs })
      this.deadLetters = deadLetters
      try {
        if (checkpoint === null) {
          const start = { name: config.name, startGiven: config.source.startGiven, store: config.checkpoint.store }
          const firstStartDeps = { ...deps, state: this.state, actionTypes: actionTypes() }
          await beginWithoutCheckpoint(start, this.ruleSet, checkpoints, deadLetters, firstStartDeps)
        }
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
        epoch,
      },
      {
        ...deps,
        ruleSet: this.ruleSet,
        sources: [
          sourceEntry({
            source: new MysqlSource(
              { name: SOURCE_NAME, replicaName: config.name, source: config.source },
              {
                ...deps,
                state: this.state,
                permit,
                needed: () => this.position,
                wants: (schema, table) => this.ruleSet.rules.some((rule) => rule.matchesTable(schema, table)),
                ignoresStatementsOn: anyTable(config.source.ignoreStatementsOn),
              },
            ),
            positions: new BinlogCheckpoints(
              permit === undefined ? checkpoints : new GuardedCheckpoints(checkpoints, permit),
              config.name,
            ),
            start: checkpoint === null ? null : { ...checkpoint.position, server: checkpoint.server },
            gaps: checkpoint?.gaps,
          }),
        ],
        deliveries: (run, hooks) =>
          new TargetQueues(
            {
              ...deps,
              lanes: config.lanes,
              logSends: logSendsOf(config.log, deps.log),
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

/** Lines that nobody would see are not even made. */
function logSendsOf({ level, deliveries }: Config['log'], log: Log): WriteLine | null {
  if (deliveries) return (fields, message) => log.info(fields, message)
  return level === 'debug' ? (fields, message) => log.debug(fields, message) : null
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

function openTarget(
  target: TargetConfig,
  run: DeliveryRun,
  { log, clock, onReopen }: DaemonDeps,
  mayDeliver?: () => boolean,
): Promise<Target> {
  const type = actionTypes().get(target.type)
  if (type === undefined) throw new BingoError('BINGO_TARGET_UNKNOWN', `unknown action type ${target.type}`)
  const context = { log: log.child({ target: target.id }), now: () => clock.now(), run, mayDeliver, onReopen }
  return type.open(target, context)
}
