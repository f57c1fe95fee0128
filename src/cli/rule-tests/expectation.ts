import type { ExplainedAction, Explanation } from '../../match/explain.ts'
import { nearestName } from '../../model/nearest-name.ts'
import type { ActionPlan, Rule } from '../../model/rule/rule.ts'
import { dataOf } from '../../rules/yaml/tree.ts'
import type { TreeNode } from '../../rules/yaml/tree.ts'
import { differences } from './difference.ts'
import { shownPayload, type Shown } from '../output/shown-payload.ts'

/** What a test expects: an outcome, and of actions (by type or by the name of their target) what they send. */
export interface Expectation {
  readonly outcome: Explanation['outcome']
  readonly sends: readonly ExpectedAction[]
}

interface ExpectedAction {
  readonly action: string
  /** null: nothing is sent. */
  readonly fields: unknown
}

const OUTCOMES: readonly Explanation['outcome'][] = ['match', 'no match', 'error']
export const EXPECT_HINT =
  'write match, no match, error, or what an action sends, such as expect: {webhook: {url: …, body: {…}}}'

/** The expectation of a node, or what is wrong with it. */
export function readExpectation(
  node: TreeNode | undefined,
  rule: Rule,
): Expectation | { readonly message: string; readonly hint: string } {
  if (node === undefined || (node.tag === 'scalar' && node.value === null)) {
    return { message: 'the test has no "expect"', hint: EXPECT_HINT }
  }
  if (node.tag === 'scalar') {
    const outcome = OUTCOMES.find((each) => each === node.value)
    if (outcome !== undefined) return { outcome, sends: [] }
    const nearest = nearestName(String(node.value), OUTCOMES)
    const hint = nearest === undefined ? EXPECT_HINT : `did you mean "${nearest}"?`
    return { message: `"${String(node.value)}" is not a valid value of expect`, hint }
  }
  const items = node.tag === 'list' ? node.items : [node]
  const names = [...new Set(rule.actions.flatMap(({ type, target }) => [type, target.id]))]
  const sends: ExpectedAction[] = []
  for (const item of items) {
    if (item.tag !== 'map') return { message: 'each entry of expect must be a map', hint: EXPECT_HINT }
    for (const { key, value } of item.entries) {
      if (!names.includes(key)) {
        const hint = `its actions: ${rule.actions.map(({ type }) => type).join(', ')}`
        return { message: `rule "${rule.id}" has no action "${key}"`, hint }
      }
      sends.push({ action: key, fields: dataOf(value) })
    }
  }
  return { outcome: 'match', sends }
}

/** What is not as expected, a line each; empty when all is. */
export function unmet({ outcome, sends }: Expectation, explanation: Explanation, rule: Rule): string[] {
  if (explanation.outcome !== outcome) {
    return [`expected ${outcome}, got ${explanation.outcome}${whyNot(explanation)}`]
  }
  const left = explanation.actions.map((action) => ({ action, plan: rule.actions[action.index]! }))
  return sends.flatMap(({ action: name, fields }) => {
    const candidates = left.filter(({ plan }) => plan.type === name || plan.target.id === name)
    const tried = candidates.map((candidate) => ({ candidate, wrong: compare(fields, candidate) }))
    const best = tried.toSorted((a, b) => a.wrong.length - b.wrong.length)[0]
    // More of one kind are expected than the rule has actions.
    if (best === undefined) return [`${name}: expected one more action, got none`]
    left.splice(left.indexOf(best.candidate), 1)
    return best.wrong.map((line) => `${name} ${line}`)
  })
}

/** The error of the pattern or filter, or the clauses of the pattern that failed. */
function whyNot({ match, filter }: Explanation): string {
  for (const answer of [match?.answer, filter?.answer]) if (answer?.tag === 'error') return ` (${answer.message})`
  const failed = (match?.clauses ?? []).filter(({ holds }) => !holds)
  return failed.length === 0 ? '' : ` (${failed.map(({ path, source }) => `${path}: ${source}`).join(', ')})`
}

interface Candidate {
  readonly action: ExplainedAction
  readonly plan: ActionPlan
}

function compare(fields: unknown, { action: { rendered }, plan }: Candidate): string[] {
  if (rendered === null) return fields === null ? [] : ['is skipped: its `when` is false']
  if (!('payload' in rendered)) return [`fails: ${rendered.code} ${rendered.message}`]
  const shown: Shown = shownPayload(plan, rendered.payload)
  if (fields === null) return [`expected nothing, got ${JSON.stringify(shown)}`]
  return differences(fields, shown)
}
