import type { Target, TargetContext, Log } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { DropResult, PauseResult } from '../../model/delivery/deliveries.ts'
import type { DeliveryRun } from '../../model/delivery/delivery-run.ts'
import type { Clock } from '../../model/clock.ts'
import type { GapLog } from '../../model/event/gap.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { SourcePosition } from '../../model/source/position.ts'
import type { Lease } from '../../model/state/lease.ts'
import type { Stats } from '../../model/stats.ts'
import type { Events, RuleSwitches } from '../../events/contract.ts'
import type { StateServers } from '../../state/sql/servers.ts'
import type { SagaOperations } from '../../sagas/contract.ts'
import type { NamedSource } from '../open-sources.ts'
import type { PausedTargets } from '../paused-targets.ts'
import type { StoredSwitches } from '../rule-switches.ts'

export interface DaemonDeps {
  readonly log: Log
  readonly stats: Stats
  readonly clock: Clock
  /** As in TargetContext: the process decides when files that targets write are reopened. */
  readonly onReopen?: TargetContext['onReopen']
  /** Connections to database servers that hold state, which all that runs in this process shares. */
  readonly servers?: StateServers
}

export interface Daemon {
  /** Resolves after a drained stop; rejects with the BingoError that ended it. */
  run(signal: AbortSignal): Promise<void>
  reload(ruleSet: RuleSet): void
  /** What waits for a target that no rule names any more goes to the dead letters. */
  dropTarget(target: string): DropResult
  /** Its events wait until it is resumed, also over restarts. Rejects with the BingoError of the state store. */
  setTargetPaused(target: string, isPaused: boolean, by: string): Promise<PauseResult>
  /** What others have decided of this target, and is known by now. */
  pauseAsKept(target: string): void
  /** Evaluates what waits for a suspended rule again; false: it is not suspended. */
  resumeRule(rule: string): boolean
  /** Where a restart would resume with a source (default: the first); null before the first connection. */
  position(source?: string): SourcePosition | null
  /** Changes of a source (default: the first) that were skipped knowingly. */
  gaps(source?: string): GapLog
  /** Null while none are taken in: they are not configured, the instance starts, or another one leads. */
  events(): Events | null
  /** Null while the instance starts, another one leads, or there are no sagas. */
  sagas(): SagaOperations | null
  /** Null while the instance starts, or another one leads. */
  rules(): RuleSwitches | null
  /** Entries in the dead-letter store; 0 before the store is open. Rejects when the store cannot be asked. */
  deadLetterCount(): Promise<number>
}

/** What differs in a daemon that does a part of the work of several. */
export interface DaemonParts {
  /** Instead of the servers of the configuration. */
  readonly sources?: readonly NamedSource[]
  /** What the pipeline runs of the rules in force. */
  readonly rules?: (inForce: RuleSet) => RuleSet
  /** Opens targets that no rule can name; undefined: it is another one. */
  readonly openTarget?: (target: TargetConfig, run: DeliveryRun) => Promise<Target> | undefined
  /** Who holds it leads, instead of whom `standby.lease` says. */
  readonly lease?: () => Promise<Lease>
  /** The name of its store of waiting events; absent: that of the instance. */
  readonly waiting?: string
  /** False: another process runs the sagas. */
  readonly runsSagas?: boolean
  /** What it has in common with others: the name of their dead letters, and what operators have decided, loaded. */
  readonly shared?: { readonly name: string; readonly switches: StoredSwitches; readonly pauses: PausedTargets }
}
