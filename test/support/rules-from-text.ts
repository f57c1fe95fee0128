import type { Change } from '../../src/model/event/change.ts'
import { ProblemsError } from '../../src/model/errors.ts'
import type { Rule } from '../../src/model/rule/rule.ts'
import { loadRulesFromText } from '../../src/rules/files/load.ts'
import { actionTypes } from '../../src/targets/registry.ts'

/** The rules of a text, as the daemon would load them. Throws ProblemsError. */
export function rulesFrom(text: string, env: { readonly [name: string]: string } = {}): readonly Rule[] {
  return loadRulesFromText([{ path: '/r/a.yaml', name: 'a.yaml', text }], {
    baseDir: process.cwd(),
    targets: new Map(),
    defaults: { redisUrl: 'redis://cache:6379', allowCidrs: [] },
    actionTypes: actionTypes(),
    env,
  }).ruleSet.rules
}

/** What one action, written in flow style, sends for a change. */
export function payloadOf(action: string, change: Change): unknown {
  const [rule] = rulesFrom(`rules:\n  - id: r\n    table: ${change.table.name}\n    actions: [${action}]`)
  return rule!.actions[0]!.bind(change.table)(change)
}

/** `line:column CODE message → hint` of everything that is wrong with a text. */
export function problemsIn(text: string): readonly string[] {
  try {
    rulesFrom(text)
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    return error.problems.map(
      ({ location, code, message, hint }) => `${location?.line}:${location?.column} ${code} ${message} → ${hint}`,
    )
  }
  return []
}
