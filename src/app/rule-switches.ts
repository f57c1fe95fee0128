import type { RuleInfo, RuleSwitches } from '../events/contract.ts'
import type { Clock } from '../model/clock.ts'
import { flag, listOf, mapOf, text, time, valuesOf } from '../model/json/shape.ts'
import type { Log, Sendable, SendResult, Target } from '../model/rule/action.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import type { StateStore } from '../model/state/state.ts'
import { KeptValue } from './kept-value.ts'

interface Disabled {
  readonly at: number
  readonly by: string
}

/** Who switched what, newest last. */
interface AuditEntry extends Disabled {
  readonly rule: string
  readonly enabled: boolean
}

interface Stored {
  readonly disabled: { readonly [rule: string]: Disabled }
  readonly audit: readonly AuditEntry[]
}

const STORED = mapOf({
  disabled: valuesOf(mapOf({ at: time, by: text })),
  audit: listOf(mapOf({ rule: text, enabled: flag, at: time, by: text })),
})
const MOST_AUDITED = 200
const EMPTY: Stored = { disabled: {}, audit: [] }

export interface RuleSwitchesDeps {
  /** Of the instance. */
  readonly name: string
  readonly state: StateStore
  readonly clock: Clock
  readonly log: Log
  /** All rules, as the files have them. */
  readonly rules: () => RuleSet
  /** What is disabled has changed. */
  readonly changed: () => void
}

/** Rules that were disabled at run time, by their ids: remembered beside the checkpoint, with who did it. */
export class StoredSwitches implements RuleSwitches {
  /** Sends that were left out, for whoever tells what became of them. */
  readonly skipped = new WeakSet<Sendable>()
  private readonly deps: RuleSwitchesDeps
  private readonly kept: KeptValue<Stored>

  constructor(deps: RuleSwitchesDeps) {
    this.deps = deps
    this.kept = new KeptValue({
      state: deps.state,
      key: `rules/${deps.name}`,
      empty: EMPTY,
      check: STORED,
      what: 'disabled rules',
      done: 'has switched rules',
      without: 'all rules are enabled',
    })
  }

  /** Rejects with the BingoError of the state store. */
  async load(): Promise<void> {
    await this.kept.load()
    const rules = Object.keys(this.kept.value.disabled)
    if (rules.length > 0) this.deps.log.warn({ code: 'BINGO_RULE_DISABLED', rules }, 'rules are disabled')
  }

  /** Another process has switched rules: `load` tells which. Rejects with the BingoError of the state store. */
  changedElsewhere(): Promise<boolean> {
    return this.kept.changedElsewhere()
  }

  isDisabled(rule: string): boolean {
    return Object.hasOwn(this.kept.value.disabled, rule)
  }

  get areAllEnabled(): boolean {
    return Object.keys(this.kept.value.disabled).length === 0
  }

  /** The rules that are in force. */
  enabledOf(all: RuleSet): RuleSet {
    if (this.areAllEnabled) return all
    return { ...all, rules: all.rules.filter(({ id }) => !this.isDisabled(id)) }
  }

  list(): readonly RuleInfo[] {
    return this.deps.rules().rules.map((rule) => this.infoOf(rule))
  }

  set(id: string, enabled: boolean, by: string): Promise<RuleInfo | null> {
    return this.kept.inTurn(() => this.setNow(id, enabled, by))
  }

  private async setNow(id: string, enabled: boolean, by: string): Promise<RuleInfo | null> {
    const { clock, log, changed, rules } = this.deps
    const rule = rules().rules.find((each) => each.id === id)
    if (rule === undefined) return null
    if (this.isDisabled(id) === enabled) {
      const at = clock.now()
      const { [id]: _enabled, ...others } = this.kept.value.disabled
      const disabled = enabled ? others : { ...others, [id]: { at, by } }
      const audit = [...this.kept.value.audit, { rule: id, enabled, at, by }].slice(-MOST_AUDITED)
      await this.kept.save({ disabled, audit })
      const fields = { code: enabled ? 'BINGO_RULE_ENABLED' : 'BINGO_RULE_DISABLED', rule: id, by }
      log.warn(fields, enabled ? 'rule enabled' : 'rule disabled: its events are skipped until it is enabled')
      changed()
    }
    return this.infoOf(rule)
  }

  private infoOf(rule: Rule): RuleInfo {
    const { id, description, tags, version } = rule
    const off = this.isDisabled(id) ? this.kept.value.disabled[id] : undefined
    return {
      id,
      description,
      on: rule.on?.kinds.has('posted') ? rule.on.patterns : [],
      manual: rule.manual,
      tags,
      version,
      enabled: off === undefined,
      disabledAt: off?.at ?? null,
      disabledBy: off?.by ?? null,
    }
  }
}

/** A target that leaves out what a rule asked for before it was disabled. It counts as done, and is known as skipped. */
export class SwitchedTarget implements Target {
  readonly gather: Target['gather']
  readonly beforeDeadLetter?: NonNullable<Target['beforeDeadLetter']>
  readonly afterRedelivery?: NonNullable<Target['afterRedelivery']>
  readonly ask?: NonNullable<Target['ask']>
  private readonly inner: Target
  private readonly switches: StoredSwitches

  constructor(inner: Target, switches: StoredSwitches) {
    this.inner = inner
    this.switches = switches
    this.gather = inner.gather
    // Who calls looks whether the target has them at all.
    if (inner.beforeDeadLetter !== undefined) this.beforeDeadLetter = (jobs) => inner.beforeDeadLetter!(jobs)
    if (inner.afterRedelivery !== undefined) this.afterRedelivery = (jobs) => inner.afterRedelivery!(jobs)
    if (inner.ask !== undefined) this.ask = (job, signal) => inner.ask!(job, signal)
  }

  get maxBatch(): number {
    return this.inner.maxBatch
  }

  get maxConcurrency(): number {
    return this.inner.maxConcurrency
  }

  async send(jobs: readonly Sendable[], signal: AbortSignal): Promise<SendResult> {
    const { switches, inner } = this
    if (switches.areAllEnabled) return inner.send(jobs, signal)
    const sent = jobs.filter(({ action }) => !switches.isDisabled(action.rule.id))
    if (sent.length === jobs.length) return inner.send(jobs, signal)
    const result = sent.length === 0 ? undefined : await inner.send(sent, signal)
    const failures = new Map(sent.map((job, i) => [job, result?.[i] ?? null]))
    return jobs.map((job) => {
      if (!failures.has(job)) switches.skipped.add(job)
      return failures.get(job) ?? null
    })
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}
