import { ProblemsError } from '../../model/errors.ts'
import type { SourceLocation } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { EVENT_FIELDS } from '../../model/event/posted/posted-event.ts'
import { parsePattern } from '../language/pattern/parse-pattern.ts'
import { RulePattern } from '../language/pattern/rule-pattern.ts'
import type { SourceText } from '../language/source-text.ts'
import { RULE_CODES } from '../codes.ts'
import type { ValueReader } from './read-values.ts'
import type { TreeNode } from '../yaml/tree.ts'

/** The fields of a row's event. */
const ROW_FIELDS: readonly string[] =
  'new old key changed payload op schema table type source id ts gtid position serverId txId seq query'.split(' ')

/** Reads `match` of a rule; undefined when it cannot be used (what is wrong is reported). */
export function readMatch(
  node: TreeNode,
  reader: ValueReader,
  { ruleId, scope }: Pick<SourceText, 'ruleId' | 'scope'>,
): RulePattern | undefined {
  const known = scope !== undefined ? [...new Set([...EVENT_FIELDS, ...ROW_FIELDS])] : ROW_FIELDS
  try {
    const pattern = parsePattern(node, ruleId)
    for (const { key, location } of pattern.entries)
      if (!known.includes(key)) unknownField(key, location, known, reader)
    return new RulePattern(pattern, ruleId)
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    reader.reporter.add(error.problems)
    return undefined
  }
}

function unknownField(key: string, location: SourceLocation, known: readonly string[], reader: ValueReader): void {
  const nearest = nearestName(key, known)
  const ofRow = known === ROW_FIELDS
  const inside = ofRow ? `write match: {new: {${key}: …}} for a column` : `write match: {payload: {${key}: …}}`
  const hint = nearest === undefined ? inside : `did you mean "${nearest}"?`
  reader.fail(
    { location },
    RULE_CODES.badMatch,
    `${ofRow ? 'the event of a row' : 'an event'} has no field "${key}"`,
    hint,
  )
}
