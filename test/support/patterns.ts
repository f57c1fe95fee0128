import { ProblemsError } from '../../src/model/errors.ts'
import type { Value } from '../../src/model/event/row.ts'
import { parsePattern } from '../../src/rules/language/pattern/parse-pattern.ts'
import { compilePattern } from '../../src/rules/language/pattern/match-pattern.ts'
import type { PatternMap } from '../../src/rules/language/pattern/pattern.ts'
import { Reporter } from '../../src/rules/reporter.ts'
import { parseYaml } from '../../src/rules/yaml/yaml-tree.ts'
import { entryOf } from '../../src/rules/yaml/tree.ts'
import type { ListNode, MapNode } from '../../src/rules/yaml/tree.ts'

/** The pattern of a rule whose `match:` is this text in flow style. Throws ProblemsError. */
export function patternOf(text: string): PatternMap {
  const reporter = new Reporter()
  const root = parseYaml({ text: `rules:\n  - match: ${text}`, file: 'r.yaml', code: 'BINGO_RULE_YAML' }, reporter)
  if (reporter.errorCount > 0) throw new ProblemsError(reporter.problems)
  const [rule] = (entryOf(root as MapNode, 'rules')!.value as ListNode).items
  return parsePattern(entryOf(rule as MapNode, 'match')!.value, 'r')
}

/** Whether a payload matches a pattern written in flow style. */
export function matchesPattern(text: string, payload: Value): boolean {
  return compilePattern(patternOf(text))(payload)
}

/** `line:column message → hint` of everything wrong with a pattern; its first line stands behind `  - match: `. */
export function problemsOfPattern(text: string): readonly string[] {
  try {
    patternOf(text)
    return []
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    return error.problems.map(
      ({ location, message, hint }) => `${location?.line}:${location?.column} ${message} → ${hint}`,
    )
  }
}
