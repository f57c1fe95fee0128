import type { Events, RuleSwitches } from '../../events/contract.ts'
import { openChangeLog } from '../../log/changes/open.ts'
import type { DropResult, PauseResult } from '../../model/delivery/deliveries.ts'
import type { DeliveryRun } from '../../model/delivery/delivery-run.ts'
import { NO_GAPS, type GapLog } from '../../model/event/gap.ts'
import type { Target } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import { isSagaRule } from '../../model/saga/sink.ts'
import type { SagaOperations } from '../../sagas/contract.ts'
import type { SourcePosition } from '../../model/source/position.ts'
import type { StateStore } from '../../model/state/state.ts'
import { AppendTarget } from '../../scale/append-target.ts'
import { readerRule, SCALE_TARGET } from '../../scale/reader-rule.ts'
import { Shapes } from '../../scale/shapes.ts'
import { patiently } from '../../state/checkpoint/patiently.ts'
import { openInstanceState, openWaitingStore } from '../../state/open.ts'
import { parseChangeLogAddress } from '../../log/changes/address.ts'
import type { Config, ScaleConfig } from '../config/config.ts'
import { createDaemon } from '../daemon/daemon.ts'
import type { Daemon, DaemonDeps } from '../daemon/daemon-contract.ts'
import { sourceState } from '../open-sources.ts'
import { stateSettings } from '../state-settings.ts'
import { Decisions } from './decisions.ts'
import { keepLayout, layoutOf } from './layout.ts'
import { warnOfWaiting } from './left-waiting.ts'
import { Members } from './members.ts'
import { printableOf } from './printable.ts'
import { rulesDigest } from './rules-digest.ts'

/**
 * Reads the source and appends every change that some rule wants to the log of changes, in the order of commits. It is the
 * daemon with one rule and one target, so its checkpoint follows what is durable there, and a second one is a standby. Sagas
 * run here as in any daemon: they ask all of their events of one process, and this one has a lease already.
 */
export class Reader implements Daemon {
  private readonly config: Config
  private readonly scale: ScaleConfig
  private readonly deps: DaemonDeps
  ruleSet: RuleSet
  private daemon: Daemon | null = null

  constructor(config: Config, scale: ScaleConfig, ruleSet: RuleSet, deps: DaemonDeps) {
    this.config = config
    this.scale = scale
    this.ruleSet = ruleSet
    this.deps = deps
    // It is not ready before they are read, and what it needs for that is opened first.
    for (const { name } of config.sources) sourceState(deps.stats, name)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { deps, config } = this
    const { state, checkpoints } = await openInstanceState(stateSettings(config, deps.log, deps.servers))
    const over = new AbortController()
    const members = this.membersOf(state)
    const untilOver = AbortSignal.any([signal, over.signal])
    const background = [members.run(untilOver)]
    try {
      const decisions = new Decisions({ ...deps, name: config.name, state }, this)
      const begin = async (): Promise<void> => {
        await keepLayout(state, layoutOf(this.scale))
        await decisions.load()
      }
      if ((await patiently(state, deps, signal, begin)) === 'stopped') return
      if ((await this.checkLog(signal)) === 'stopped') return
      background.push(decisions.follow(untilOver))
      void this.warnOfWaiting()
      this.daemon = this.daemonOf(new Shapes(state, config.name), decisions)
      await this.daemon.run(signal)
    } finally {
      over.abort()
      await Promise.all(background)
      await state.close()
      await checkpoints.close()
    }
  }

  reload(ruleSet: RuleSet): void {
    this.ruleSet = ruleSet
    this.daemon?.reload(ruleSet)
  }

  dropTarget(target: string): DropResult {
    return this.daemon?.dropTarget(target) ?? 'unknown'
  }

  setTargetPaused(target: string, isPaused: boolean, by: string): Promise<PauseResult> {
    return this.daemon?.setTargetPaused(target, isPaused, by) ?? Promise.resolve('not leading')
  }

  pauseAsKept(target: string): void {
    this.daemon?.pauseAsKept(target)
  }

  resumeRule(rule: string): boolean {
    return this.daemon?.resumeRule(rule) ?? false
  }

  position(source?: string): SourcePosition | null {
    return this.daemon?.position(source) ?? null
  }

  gaps(source?: string): GapLog {
    return this.daemon?.gaps(source) ?? NO_GAPS
  }

  /** Taken in for sagas: no rule on them goes through a log of changes. */
  events(): Events | null {
    return this.daemon?.events() ?? null
  }

  sagas(): SagaOperations | null {
    return this.daemon?.sagas() ?? null
  }

  rules(): RuleSwitches | null {
    return this.daemon?.rules() ?? null
  }

  async deadLetterCount(): Promise<number> {
    return (await this.daemon?.deadLetterCount()) ?? 0
  }

  /** The first change may be hours away: until then it would seem to be ready. */
  private async checkLog(signal: AbortSignal): Promise<void | 'stopped'> {
    const { config, scale, deps } = this
    const { through, shares } = scale
    const changes = await openChangeLog(through, { name: config.name, shares, log: deps.log })
    try {
      const log = { description: changes.description, what: 'the log of changes' }
      return await patiently(log, deps, signal, () => changes.check())
    } finally {
      await changes.close()
    }
  }

  private async warnOfWaiting(): Promise<void> {
    const { config, deps } = this
    const store = await openWaitingStore(stateSettings(config, deps.log, deps.servers))
    await warnOfWaiting(store, deps.log)
    await store.close()
  }

  private membersOf(state: StateStore): Members {
    const { deps, config, scale } = this
    const members = new Members({
      ...deps,
      state,
      deadAfterMs: config.standby.ttlMs,
      self: () => ({
        role: 'reader',
        shares: [],
        behind: 0,
        rules: rulesDigest(this.ruleSet),
        leads: deps.stats.standby.role === 'leader',
      }),
      changed: () => undefined,
    })
    const through = printableOf(parseChangeLogAddress(scale.through))
    const of = { role: 'reader', through, shares: scale.shares } as const
    deps.stats.scale = { ...of, held: new Map(), members: () => members.living }
    return members
  }

  private daemonOf(shapes: Shapes, { switches, pauses }: Decisions): Daemon {
    const { config, scale, deps } = this
    const { shares, through } = scale
    const open = async (run: DeliveryRun): Promise<Target> => {
      const changes = await openChangeLog(through, { name: config.name, shares, log: deps.log })
      return new AppendTarget({ changes, shapes, shares, instance: config.name, epoch: run.epoch!, log: deps.log })
    }
    // One lane keeps the order of all commits.
    const reading: Config = { ...config, lanes: 1, standby: { ...config.standby, lease: 'store' } }
    return createDaemon(reading, this.ruleSet, deps, {
      rules: (inForce) => ({
        ...inForce,
        rules: [
          // Also for rules that are disabled: workers see when they are enabled again, and what came until then is theirs to skip.
          readerRule(this.ruleSet, shapes, shares),
          ...inForce.rules.filter((rule) => isSagaRule(rule)),
        ],
      }),
      shared: { name: config.name, switches, pauses },
      openTarget: (target: TargetConfig, run) => (target.type === SCALE_TARGET.type ? open(run) : undefined),
      // What waits under the name of the instance is of one process that did everything, and is left for it.
      waiting: `${config.name}/reader`,
    })
  }
}
