import { actionTypes } from '../../targets/registry.ts'
import type { ActionType, InspectionProblem } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { BingoError, type Problem } from '../../model/errors.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import { inspectLookups } from './inspect-lookups.ts'
import { commandsOf } from '../../rules/sagas/read-saga.ts'
import type { SourceAddress } from '../../sources/mysql/source-address.ts'
import { silentLog } from '../../model/silent-log.ts'

interface Inspected {
  readonly severity: Problem['severity']
  readonly problems: readonly InspectionProblem[]
  readonly unasked?: string | undefined
}

export interface TargetInspection {
  readonly problems: readonly Problem[]
  /** What was not asked because asking would send something. */
  readonly unasked: readonly string[]
}

/**
 * Asks every target whether it lets us in and has what the actions need (topic, stream, exchange, table, method); sends
 * nothing. What keeps an action from ever working is an error; a target that cannot be asked now is a warning.
 */
export async function inspectTargets(
  { rules, sagas = [] }: RuleSet,
  source: readonly SourceAddress[],
): Promise<TargetInspection> {
  const problems: Problem[] = await inspectLookups(rules, source)
  const unasked = new Set<string>()
  const told = new Set<string>()
  const actions = [...rules.flatMap((rule) => rule.actions), ...sagas.flatMap(commandsOf)]
  for (const action of actions) {
    const type = actionTypes().get(action.type)
    if (type === undefined) continue
    const { severity, problems: found, unasked: open } = await inspect(type, action)
    if (open !== undefined) unasked.add(open)
    for (const { code, message, hint, location = action.location } of found) {
      // A target that is down is down for all of its actions.
      if (severity === 'warning' && told.has(message)) continue
      told.add(message)
      problems.push({ severity, code, message, hint, location, ruleId: action.rule.id })
    }
  }
  return { problems, unasked: [...unasked] }
}

async function inspect(type: ActionType, action: ActionPlan): Promise<Inspected> {
  const context = { log: silentLog, now: () => Date.now() }
  try {
    if (type.inspect !== undefined) return { severity: 'error', problems: await type.inspect(action, context) }
    const target = await type.open(action.target, context)
    try {
      const failure = (await target.check?.(action)) ?? null
      if (failure === null) return { severity: 'error', problems: [], unasked: target.unasked }
      return { severity: failure.kind === 'down' ? 'warning' : 'error', problems: [failure.error] }
    } finally {
      await target.close()
    }
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    return { severity: 'warning', problems: [error] }
  }
}
