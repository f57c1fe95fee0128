import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../../app/config/config.ts'
import type { Daemon } from '../../app/daemon/daemon-contract.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Clock, Timer } from '../../model/clock.ts'
import { ProblemsError, type Problem } from '../../model/errors.ts'
import { problemLine } from '../../model/problem-line.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { Stats } from '../../model/stats.ts'
import { loadRules, type LoadedRules } from '../../rules/files/load.ts'
import { watchRules } from '../../rules/files/reload.ts'
import { plainValue } from '../../rules/yaml/tree.ts'
import { compileOptions, fitForScale, patternsOf } from '../rules-for.ts'

/** One line in the log is overlooked, and the next restart fails: it is said again until the rules are right. */
const REMIND_MS = 600_000

export interface ReloadDeps {
  readonly daemon: Pick<Daemon, 'reload'>
  readonly stats: Stats
  readonly log: Log
  readonly clock: Clock
}

/**
 * Loads the rules again when their files change or on SIGHUP, with the `targets:` that the configuration file has then;
 * wrong ones are refused and the previous ones stay. `reread` reads the configuration once more.
 */
export function reloadRules(config: Config, reread: () => Config, initial: RuleSet, deps: ReloadDeps): Disposable {
  const options = { ...compileOptions(config), ...patternsOf(config) }
  const reload = new Reload(initial, deps)
  let inForce = config
  const load = async (): Promise<LoadedRules> => {
    const now = reread()
    const loaded = fitForScale(config, await loadRules({ ...options, targets: now.targets }))
    logSettings(deps.log, inForce, now)
    inForce = now
    return loaded
  }
  const onLoaded = (rules: LoadedRules): void => reload.loaded(rules)
  const onError = (error: unknown): void => reload.refused(error)
  const onHangUp = (): void => void load().then(onLoaded).catch(onError)
  // Without a listener the signal would end the process; the audit log reopens its files on it, too.
  process.on('SIGHUP', onHangUp)
  const watching = config.rules.watch
    ? watchRules({ ...options, alsoFiles: () => reload.schemaFiles, load, onLoaded, onError, clock: deps.clock })
    : undefined
  return {
    [Symbol.dispose]: () => {
      process.off('SIGHUP', onHangUp)
      watching?.[Symbol.dispose]()
      reload.close()
    },
  }
}

/** Targets are taken over; whatever else was changed in the configuration is not, and that is said once. */
function logSettings(log: Log, before: Config, now: Config): void {
  const targets = changedTargets(before, now)
  if (targets.length > 0) log.info({ targets }, 'targets reloaded')
  const alias = now.sources.length > 1 ? 'source' : 'sources'
  const settings = Object.keys(now).filter(
    (name) => name !== 'targets' && name !== alias && !isDeepStrictEqual(settingOf(before, name), settingOf(now, name)),
  )
  if (settings.length === 0) return
  const fields = { code: 'BINGO_CONFIG_RESTART', settings }
  log.warn(fields, `settings were changed that take effect after a restart: ${settings.join(', ')}`)
}

/** Outboxes hold what is compiled, which is never equal. */
function settingOf(config: Config, name: string): unknown {
  return name === 'outboxes' ? config.outboxes.map(({ written }) => written) : config[name as keyof Config]
}

function changedTargets({ targets: before }: Config, { targets: now }: Config): readonly string[] {
  const written = (targets: Config['targets'], name: string): unknown => {
    const target = targets.get(name)
    return target && plainValue(target.tree)
  }
  return [...new Set([...before.keys(), ...now.keys()])].filter(
    (name) => !isDeepStrictEqual(written(before, name), written(now, name)),
  )
}

/** What a reload did, for the log, the metrics and `/readyz`. */
export class Reload {
  private inForce: RuleSet
  private readonly deps: ReloadDeps
  private reminder: Timer | null = null

  constructor(initial: RuleSet, deps: ReloadDeps) {
    this.inForce = initial
    this.deps = deps
  }

  get schemaFiles(): readonly string[] {
    return this.inForce.schemas?.files ?? []
  }

  close(): void {
    this.reminder?.cancel()
    this.reminder = null
  }

  loaded({ ruleSet, warnings }: LoadedRules): void {
    const { daemon, stats, log } = this.deps
    daemon.reload(ruleSet)
    this.close()
    stats.reload.refusedSince = 0
    stats.reload.problem = null
    logRules(log, ruleSet, warnings)
    const { added, changed, removed } = difference(this.inForce, ruleSet)
    for (const rule of removed)
      log.warn({ code: 'BINGO_RULE_REMOVED', rule }, 'rule removed: BinGo now ignores its changes')
    log.info({ rules: ruleSet.rules.length, added, changed, removed }, 'rules reloaded')
    this.inForce = ruleSet
  }

  refused(error: unknown): void {
    const { stats, clock } = this.deps
    const problems = error instanceof ProblemsError ? error.problems.map(problemLine) : [String(error)]
    stats.reload.refusedTotal += 1
    stats.reload.refusedSince ||= clock.now()
    stats.reload.problem = problems[0] ?? null
    this.close()
    this.tell(problems)
    this.reminder = clock.every(REMIND_MS, () => this.tell(problems))
  }

  private tell(problems: readonly string[]): void {
    const { log, stats } = this.deps
    const since = new Date(stats.reload.refusedSince).toISOString()
    const fields = { code: 'BINGO_RULES_NOT_RELOADED', problems, since }
    log.error(fields, 'invalid rules, keeping the previous ones; a restart would fail until they are fixed')
  }
}

interface Difference {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

function difference(before: RuleSet, after: RuleSet): Difference {
  const versions = new Map(before.rules.map(({ id, version }) => [id, version]))
  const kept = new Set(after.rules.map(({ id }) => id))
  return {
    added: after.rules.filter(({ id }) => !versions.has(id)).map(({ id }) => id),
    changed: after.rules.filter(({ id, version }) => (versions.get(id) ?? version) !== version).map(({ id }) => id),
    removed: [...versions.keys()].filter((id) => !kept.has(id)),
  }
}

export function logRules(log: Log, { rules }: RuleSet, warnings: readonly Problem[]): void {
  for (const { id } of rules) log.info({ rule: id }, 'rule loaded')
  for (const warning of warnings) log.warn({ code: warning.code, rule: warning.ruleId }, problemLine(warning))
}
