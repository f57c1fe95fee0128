import type { SourceLocation } from '../model/errors.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { PatternMap } from './language/pattern/pattern.ts'
import type { SourceText } from './language/source-text.ts'
import type { ParsedTemplate } from './language/template/template-render.ts'
import type { TableMatcher } from './table-pattern.ts'

/** What a rule says, kept for checks against the tables of a source. */
export interface RuleChecks {
  readonly rule: Rule
  readonly tables: readonly NamedTable[]
  readonly match: PatternMap | undefined
  readonly filter: SourceText | undefined
  readonly key: ParsedTemplate | undefined
  readonly actions: readonly ActionChecks[]
}

export interface NamedTable {
  /** As written: of a table, or of a type with its operation. */
  readonly pattern: string
  /** Last in its type: `create`; undefined: it is a pattern of tables. */
  readonly operation?: string | undefined
  readonly location: SourceLocation
  readonly matches: TableMatcher
}

export interface ActionChecks {
  readonly when: SourceText | undefined
  readonly templates: readonly CheckedTemplate[]
}

export interface CheckedTemplate {
  readonly template: ParsedTemplate
  /** NULL is an error there. */
  readonly strict: boolean
}
