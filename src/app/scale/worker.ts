import type { Events, RuleSwitches } from '../../events/contract.ts'
import { openChangeLog } from '../../log/changes/open.ts'
import type { DropResult, PauseResult } from '../../model/delivery/deliveries.ts'
import type { DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { BingoError } from '../../model/errors.ts'
import { NO_GAPS, type GapLog } from '../../model/event/gap.ts'
import type { Log } from '../../model/rule/action.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { SagaOperations } from '../../sagas/contract.ts'
import type { SourcePosition } from '../../model/source/position.ts'
import type { ChangeLog } from '../../model/state/change-log.ts'
import type { StateStore } from '../../model/state/state.ts'
import type { Stats } from '../../model/stats.ts'
import { StoredFrontiers } from '../../scale/frontiers.ts'
import { shareRules } from '../../scale/share-rules.ts'
import { ShareSource } from '../../scale/share-source.ts'
import { Shapes } from '../../scale/shapes.ts'
import { patiently } from '../../state/checkpoint/patiently.ts'
import { openDeadLetterStore, openInstanceState, openLease } from '../../state/open.ts'
import type { Config, ScaleConfig } from '../config/config.ts'
import { createDaemon } from '../daemon/daemon.ts'
import type { Daemon, DaemonDeps, DaemonParts } from '../daemon/daemon-contract.ts'
import { stateSettings } from '../state-settings.ts'
import { Decisions } from './decisions.ts'
import { checkLayout, followLayout, layoutOf, type KeptLayout } from './layout.ts'
import { Members } from './members.ts'
import { rulesDigest } from './rules-digest.ts'
import { RunningShares } from './running-shares.ts'
import { ENOUGH, ShareLeases } from './share-leases.ts'
import { sourceOfShare } from './share-name.ts'
import { WorkerStats } from './worker-stats.ts'

const LOOK_MS = 500
const LEAST_BUDGET_BYTES = 2 << 20

/** What all shares of a worker have in common, while it runs. */
interface Common {
  readonly changes: ChangeLog
  readonly state: StateStore
  readonly shapes: Shapes
  readonly frontiers: StoredFrontiers
  readonly letters: DeadLetterStore
  readonly decisions: Decisions
}

/**
 * Runs the rules on shares of what a reader appends. Each share is an instance of its own, with a name, a lease, a checkpoint
 * and what waits for its keys: whoever has the lease goes on where the one before has stopped, with its parked keys, delays
 * and spools, and cannot be disturbed by it. A worker asks for as many of them as are its part, and gives back what is more.
 */
export class Worker implements Daemon {
  private readonly config: Config
  private readonly scale: ScaleConfig
  private readonly deps: DaemonDeps
  private readonly stats: WorkerStats
  private readonly leases: ShareLeases
  private readonly shares = new RunningShares()
  ruleSet: RuleSet
  private members: Members | null = null
  private common: Common | null = null
  private layout: KeptLayout

  constructor(config: Config, scale: ScaleConfig, ruleSet: RuleSet, deps: DaemonDeps) {
    this.config = config
    this.scale = scale
    this.ruleSet = ruleSet
    this.deps = deps
    const { targetBudgetBytes, budgetBytes } = config
    this.stats = new WorkerStats(deps.stats, targetBudgetBytes && targetBudgetBytes / budgetBytes)
    this.layout = { ...layoutOf(scale), generation: 0 }
    this.leases = new ShareLeases(() => this.members?.quota(scale.shares) ?? 0)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { config, deps, scale } = this
    const settings = stateSettings(config, deps.log, deps.servers)
    const { state, checkpoints } = await openInstanceState(settings)
    const changes = await openChangeLog(scale.through, { name: config.name, shares: scale.shares, log: deps.log })
    const { maxCount, maxBytes, maxAgeMs } = config.deadLetters
    const letters = await openDeadLetterStore(settings, { maxCount, maxBytes, maxAgeMs })
    try {
      const decisions = new Decisions({ ...deps, name: config.name, state }, this)
      const begin = async (): Promise<void> => {
        this.layout = { ...this.layout, generation: await checkLayout(state, this.layout) }
        await decisions.load()
      }
      if ((await patiently(state, deps, signal, begin)) === 'stopped') return
      const shapes = new Shapes(state, config.name)
      this.common = { changes, state, shapes, frontiers: new StoredFrontiers(state), letters, decisions }
      await this.work(this.common, signal)
    } finally {
      this.common = null
      await changes.close()
      await letters.close()
      await state.close()
      await checkpoints.close()
    }
  }

  reload(ruleSet: RuleSet): void {
    this.ruleSet = ruleSet
    this.shares.reload(ruleSet)
  }

  dropTarget(target: string): DropResult {
    return this.shares.dropTarget(target)
  }

  setTargetPaused(target: string, isPaused: boolean, by: string): Promise<PauseResult> {
    return this.shares.setTargetPaused(target, isPaused, by)
  }

  pauseAsKept(target: string): void {
    this.shares.pauseAsKept(target)
  }

  resumeRule(rule: string): boolean {
    return this.shares.resumeRule(rule)
  }

  /** Those of the shares are places in the log of changes. */
  position(): SourcePosition | null {
    return null
  }

  /** Gaps are events here, which the reader has met. */
  gaps(): GapLog {
    return NO_GAPS
  }

  /** The reader takes them in. */
  events(): Events | null {
    return null
  }

  /** The reader runs them. */
  sagas(): SagaOperations | null {
    return null
  }

  rules(): RuleSwitches | null {
    return this.common?.decisions.switches ?? null
  }

  async deadLetterCount(): Promise<number> {
    return (await this.common?.letters.count()) ?? 0
  }

  private async work({ state, decisions }: Common, signal: AbortSignal): Promise<void> {
    const { deps, scale, config } = this
    const failed = new AbortController()
    const stop = AbortSignal.any([signal, failed.signal])
    const held = new Map<number, number>()
    const members = new Members({
      ...deps,
      state,
      deadAfterMs: config.standby.ttlMs,
      self: () => ({
        role: 'worker',
        shares: [...this.leases.held].sort((a, b) => a - b),
        behind: [...held.values()].reduce((sum, each) => sum + each, 0),
        rules: rulesDigest(this.ruleSet),
        leads: true,
      }),
      changed: () => this.giveBack(),
    })
    this.members = members
    deps.stats.scale = {
      role: 'worker',
      through: this.common!.changes.description,
      shares: scale.shares,
      held,
      members: () => members.living,
    }
    const looking = deps.clock.every(LOOK_MS, () => this.giveBack())
    const others = [members.run(stop), decisions.follow(stop)]
    const shares = Array.from({ length: scale.shares }, (_, share) => this.runShare(share, held, stop))
    const running = [followLayout(state, this.layout, deps.clock, stop), ...shares].map((each) =>
      each.catch((error: unknown) => {
        failed.abort()
        throw error
      }),
    )
    try {
      const results = await Promise.allSettled(running)
      const rejected = results.find((each) => each.status === 'rejected')
      if (rejected !== undefined) throw rejected.reason
    } finally {
      failed.abort()
      looking.cancel()
      await Promise.all(others)
      this.members = null
    }
  }

  /** Others have come: what this worker has more than its part goes to them, finished. */
  private giveBack(): void {
    const leaving = [...this.leases.held].filter((share) => this.shares.isLeaving(share))
    const staying = [...this.leases.held].filter((share) => !leaving.includes(share)).sort((a, b) => b - a)
    for (const share of staying.slice(0, Math.max(0, this.leases.surplus - leaving.length))) {
      this.deps.log.info({ share }, 'share given back: another worker takes it')
      this.shares.giveBack(share)
    }
  }

  /** Waits for the lease of the share, has it, and waits again when it was given back or taken away. */
  private async runShare(share: number, held: Map<number, number>, signal: AbortSignal): Promise<void> {
    const { deps } = this
    const log = deps.log.child({ share })
    const { source: name } = sourceOfShare(this.config.name, share)
    while (!signal.aborted) {
      const stop = new AbortController()
      const stats = this.stats.open(Math.max(LEAST_BUDGET_BYTES, this.config.budgetBytes / this.scale.shares))
      // Waiting for a share that another one has is how it should be: it is not worth a line.
      stats.standby.leader = ENOUGH
      const parts = this.partsOf(share, name, held, stats, log)
      const daemon = createDaemon(this.configOf(share), this.ruleSet, { ...deps, stats, log }, parts)
      this.shares.open(share, daemon, stop)
      try {
        await daemon.run(AbortSignal.any([signal, stop.signal]))
      } catch (error) {
        if (!(error instanceof BingoError) || !LOST.has(error.code)) throw error
        log.warn({ code: error.code, err: error.message }, 'share lost: another worker has it')
      } finally {
        this.shares.close(share)
        this.stats.close(stats)
        this.stats.total.sources.delete(name)
        held.delete(share)
        void this.members?.tell()
      }
    }
  }

  /** A share is an instance: its checkpoint, its lease and what waits are kept under its name. Posted events are the reader's. */
  private configOf(share: number): Config {
    const { config } = this
    const standby = { ...config.standby, lease: 'store' as const }
    const { name } = sourceOfShare(config.name, share)
    return { ...config, name, standby, events: null, http: { ...config.http, listen: null } }
  }

  private partsOf(share: number, name: string, held: Map<number, number>, stats: Stats, log: Log): DaemonParts {
    const { scale, config, deps, common } = this
    const { changes, shapes, frontiers, decisions } = common!
    const seen = (behind: number): void => {
      if (stats.standby.role === 'leader') held.set(share, behind)
    }
    const custom = new ShareSource({
      name,
      share,
      layout: this.layout.generation,
      instance: config.name,
      changes,
      shapes,
      frontiers,
      clock: deps.clock,
      log,
      seen,
    })
    const settings = stateSettings(this.configOf(share), log, deps.servers)
    return {
      sources: [{ name, custom }],
      rules: (inForce) => shareRules(inForce, share, scale.shares),
      runsSagas: false,
      lease: async () => this.leases.guard(share, await openLease(settings, config.standby.ttlMs)),
      shared: { name: config.name, switches: decisions.switches, pauses: decisions.pauses },
    }
  }
}

/** Another worker has the share, or has written its checkpoint since. */
const LOST: ReadonlySet<string> = new Set(['BINGO_LEASE_LOST', 'BINGO_CHECKPOINT_FENCED'])
