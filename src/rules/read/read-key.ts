import { ProblemsError } from '../../model/errors.ts'
import { RuleKey } from '../../model/rule/rule-key.ts'
import { RULE_CODES } from '../codes.ts'
import { sourceText } from '../files/rule-text.ts'
import type { SourceText } from '../language/source-text.ts'
import type { ParsedTemplate } from '../language/template/template-render.ts'
import { compileTemplate } from '../language/template/template.ts'
import type { ValueReader } from './read-values.ts'
import type { TreeNode } from '../yaml/tree.ts'

export interface ReadKey {
  readonly key: RuleKey
  readonly template: ParsedTemplate
}

/** Reads `key` of a rule; undefined when it cannot be used (what is wrong is reported). */
export function readKey(
  node: TreeNode,
  reader: ValueReader,
  { ruleId, scope }: Pick<SourceText, 'ruleId' | 'scope'>,
): ReadKey | undefined {
  const text = reader.string(node, 'key')
  if (text === undefined || node.tag !== 'scalar') return undefined
  if (!text.includes('{{')) {
    const column = /^(?:(?:new|NewRow)\.)?([A-Za-z_]\w*)$/.exec(text.trim())?.[1] ?? 'customer_id'
    const example = scope !== undefined ? `payload.${column}` : column
    return reader.fail(node, RULE_CODES.value, 'key is the same for every row', `write key: "{{${example}}}"`)
  }
  try {
    let parsed: ParsedTemplate | undefined
    const onParsed = (template: ParsedTemplate): void => void (parsed = template)
    const key = new RuleKey(compileTemplate(sourceText(node, ruleId, scope), { ofRow: true, onParsed }))
    return { key, template: parsed! }
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    reader.reporter.add(error.problems)
    return undefined
  }
}
