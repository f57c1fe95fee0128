import type { ActionType, Log } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import { DELIVERY_KEYS } from '../../rules/read/delivery-options.ts'
import { loadRules as loadFiles, loadRulesFromText } from '../../rules/files/load.ts'
import type { CompileOptions, LoadedRules } from '../../rules/files/load.ts'
import { customActionType } from '../../targets/custom/action.ts'
import type { TargetType } from '../../targets/custom/target-type.ts'
import { actionTypes } from '../../targets/registry.ts'
import { addedRules } from '../added-rules.ts'
import type { Config } from '../config/config.ts'
import type { LoadRulesOptions, RulesInput } from './contract.ts'
import { rulesConfigOf } from './settings.ts'

/**
 * Compiles rules ahead of a pipeline, to check them or to look at them. The pipeline that gets them needs the same `targets`.
 * Throws ProblemsError with everything that is wrong, each with file, line and column (`formatProblems` prints them).
 */
export async function loadRules(
  rules: Exclude<RulesInput, RuleSet>,
  options: LoadRulesOptions = {},
): Promise<LoadedRules> {
  return readRules(rules, compileOptions(rulesConfigOf(options), typesWith(options.targets ?? []), options))
}

/** What actions of every type have. */
const COMMON_FIELDS = ['id', 'type', 'target', 'when', ...DELIVERY_KEYS]

/** The built-in action types and an application's own. Throws BINGO_TARGET_TYPE_INVALID. */
export function typesWith(targets: readonly TargetType[]): ReadonlyMap<string, ActionType> {
  const types = new Map(actionTypes())
  for (const target of targets) {
    if (types.has(target.type)) {
      throw new BingoError('BINGO_TARGET_TYPE_INVALID', `The target type "${target.type}" exists already`, {
        hint: `Give yours another name. Taken are ${[...types.keys()].join(', ')}.`,
      })
    }
    types.set(target.type, customActionType(target, COMMON_FIELDS))
  }
  return types
}

/** `keepsEvents`: as in ActionDefaults; rules that are loaded ahead of their pipeline do not know it. */
export function compileOptions(
  config: Config,
  types: ReadonlyMap<string, ActionType>,
  { env }: LoadRulesOptions,
  keepsEvents?: boolean,
): CompileOptions {
  const mostHops = config.events?.limits.hops
  return {
    baseDir: config.rules.baseDir,
    targets: config.targets,
    defaults: { redisUrl: config.redis.url, allowCidrs: config.webhooks.allowCidrs, keepsEvents, mostHops },
    actionTypes: types,
    added: addedRules(config, types),
    delivery: config.delivery,
    env,
  }
}

export async function readRules(rules: RulesInput, options: CompileOptions): Promise<LoadedRules> {
  if (typeof rules === 'string') {
    return loadRulesFromText([{ path: 'rules', name: 'rules', text: rules }], options)
  }
  if ('rules' in rules) {
    requireTypes(rules, options.actionTypes)
    return { ruleSet: rules, warnings: [] }
  }
  const patterns = typeof rules.files === 'string' ? [rules.files] : rules.files
  return loadFiles({ ...options, patterns })
}

/** They may have been loaded with other types. */
function requireTypes({ rules }: RuleSet, types: ReadonlyMap<string, ActionType>): void {
  for (const rule of rules) {
    const action = rule.actions.find(({ type }) => !types.has(type))
    if (action === undefined) continue
    throw new BingoError('BINGO_TARGET_UNKNOWN', `Rule "${rule.id}" uses the type "${action.type}", which is unknown`, {
      hint: 'Give the pipeline the `targets` that the rules were loaded with.',
    })
  }
}

export function warnOf({ warnings }: LoadedRules, log: Log): void {
  for (const { code, location, message, hint, ruleId } of warnings) {
    const place = location && `${location.file}:${location.line}:${location.column}`
    log.warn({ code, place, hint, rule: ruleId }, message)
  }
}
