import { actionTypes } from '../../targets/registry.ts'
import type { InspectionProblem } from '../../model/action.ts'
import { BingoError, type Problem } from '../../model/errors.ts'
import type { RuleSet } from '../../model/rule.ts'
import { silentLog } from '../output/silent-log.ts'

/** Asks the targets of those actions that need it whether they can work there; what cannot be asked is a warning. */
export async function inspectTargets({ rules }: RuleSet): Promise<Problem[]> {
  const problems: Problem[] = []
  for (const action of rules.flatMap((rule) => rule.actions)) {
    const type = actionTypes().get(action.type)
    if (type?.inspect === undefined) continue
    const context = { log: silentLog, now: () => Date.now() }
    let severity: Problem['severity'] = 'error'
    const found = await type.inspect(action, context).catch((error: unknown) => {
      if (!(error instanceof BingoError)) throw error
      severity = 'warning'
      return [error]
    })
    for (const { code, message, hint, location = action.location } of found as readonly InspectionProblem[]) {
      problems.push({ severity, code, message, hint, location, ruleId: action.rule.id })
    }
  }
  return problems
}
