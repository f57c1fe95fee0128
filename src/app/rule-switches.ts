import type { RuleInfo, RuleSwitches } from '../events/contract.ts'
import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { Log, Sendable, SendResult, Target } from '../model/rule/action.ts'
import type { Rule, RuleSet } from '../model/rule/rule.ts'
import type { StateStore } from '../model/state/state.ts'

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
  private readonly key: string
  private stored: Stored = EMPTY
  private version: number | null = null
  /** One change after the other. */
  private saving: Promise<unknown> = Promise.resolve()

  constructor(deps: RuleSwitchesDeps) {
    this.deps = deps
    this.key = `rules/${deps.name}`
  }

  /** Rejects with the BingoError of the state store. */
  async load(): Promise<void> {
    const found = await this.deps.state.load(this.key)
    if (found === null) return
    this.version = found.version
    this.stored = parse(found.value, this.deps.state.description)
    const rules = Object.keys(this.stored.disabled)
    if (rules.length > 0) this.deps.log.warn({ code: 'BINGO_RULE_DISABLED', rules }, 'rules are disabled')
  }

  isDisabled(rule: string): boolean {
    return Object.hasOwn(this.stored.disabled, rule)
  }

  get areAllEnabled(): boolean {
    return Object.keys(this.stored.disabled).length === 0
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
    const done = this.saving.then(() => this.setNow(id, enabled, by))
    this.saving = done.catch(() => undefined)
    return done
  }

  private async setNow(id: string, enabled: boolean, by: string): Promise<RuleInfo | null> {
    const { clock, log, changed, rules } = this.deps
    const rule = rules().rules.find((each) => each.id === id)
    if (rule === undefined) return null
    if (this.isDisabled(id) === enabled) {
      const at = clock.now()
      const { [id]: _enabled, ...others } = this.stored.disabled
      const disabled = enabled ? others : { ...others, [id]: { at, by } }
      const audit = [...this.stored.audit, { rule: id, enabled, at, by }].slice(-MOST_AUDITED)
      await this.save({ disabled, audit })
      const fields = { code: enabled ? 'BINGO_RULE_ENABLED' : 'BINGO_RULE_DISABLED', rule: id, by }
      log.warn(fields, enabled ? 'rule enabled' : 'rule disabled: its events are skipped until it is enabled')
      changed()
    }
    return this.infoOf(rule)
  }

  private async save(next: Stored): Promise<void> {
    const { state } = this.deps
    if (!(await state.save(this.key, JSON.stringify(next), this.version))) {
      throw new BingoError('BINGO_CHECKPOINT_FENCED', 'another instance has switched rules meanwhile', {
        retryable: true,
      })
    }
    this.version = (this.version ?? 0) + 1
    this.stored = next
  }

  private infoOf(rule: Rule): RuleInfo {
    const { id, description, tags, version } = rule
    const off = this.isDisabled(id) ? this.stored.disabled[id] : undefined
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

function parse(value: string, place: string): Stored {
  try {
    const { disabled, audit } = JSON.parse(value) as Partial<Stored>
    if (typeof disabled === 'object' && Array.isArray(audit)) return { disabled, audit }
  } catch {
    // Reported below like any other text that is no such record.
  }
  throw new BingoError('BINGO_STATE_CORRUPT', `What is known of disabled rules in ${place} is not readable`, {
    hint: 'Restore it from a backup, or remove it: all rules are enabled then.',
  })
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
