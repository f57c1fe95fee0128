import { ProblemsError } from '../model/errors.ts'
import { RuleKey } from '../model/rule/rule-key.ts'
import { RULE_CODES } from './codes.ts'
import { sourceText } from './files/rule-text.ts'
import { compileTemplate } from './language/template/template.ts'
import type { ValueReader } from './read-values.ts'
import type { Reporter } from './reporter.ts'
import type { TreeNode } from './yaml/tree.ts'

/** Reads `key` of a rule; undefined when it cannot be used (what is wrong is reported). */
export function readKey(node: TreeNode, reader: ValueReader, ruleId: string, reporter: Reporter): RuleKey | undefined {
  const text = reader.string(node, 'key')
  if (text === undefined || node.tag !== 'scalar') return undefined
  if (!text.includes('{{')) {
    const column = /^(?:(?:new|NewRow)\.)?([A-Za-z_]\w*)$/.exec(text.trim())?.[1] ?? 'customer_id'
    return reader.fail(node, RULE_CODES.value, 'key is the same for every row', `write key: "{{${column}}}"`)
  }
  try {
    return new RuleKey(compileTemplate(sourceText(node, ruleId), { ofRow: true }))
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    reporter.problems.push(...error.problems)
    return undefined
  }
}
