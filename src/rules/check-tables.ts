import { EvaluationError } from '../model/errors.ts'
import type { Problem, SourceLocation } from '../model/errors.ts'
import type { Rule } from '../model/rule.ts'
import type { TableDef } from '../model/table.ts'
import { ColumnError } from './language/column-errors.ts'
import { RULE_CODES } from './codes.ts'

/**
 * What is wrong with rules for the tables that they name: columns that do not exist (errors), rules that no table
 * matches (warnings). For use when the schema is known: at the start, and again after a DDL.
 */
export function checkRulesAgainstTables(rules: readonly Rule[], tables: readonly TableDef[]): Problem[] {
  const problems: Problem[] = []
  for (const rule of rules) {
    const named = tables.filter((table) => rule.matchesTable(table.schema, table.name))
    if (named.length === 0 && !listensToGapsOnly(rule)) {
      problems.push({
        code: RULE_CODES.noTable,
        severity: 'warning',
        location: rule.location,
        message: `no table matches rule "${rule.id}"`,
        hint: 'check the spelling of `table`, letter case included',
        ruleId: rule.id,
      })
    }
    for (const table of named) problems.push(...checkRule(rule, table))
  }
  return problems
}

function listensToGapsOnly({ operations }: Rule): boolean {
  return operations.size === 1 && operations.has('gap')
}

function checkRule(rule: Rule, table: TableDef): Problem[] {
  const parts: { readonly location: SourceLocation; bind(table: TableDef): unknown }[] = [
    ...(rule.filter === null ? [] : [rule.filter]),
    ...rule.actions.flatMap((action) => (action.when === null ? [action] : [action.when, action])),
  ]
  return parts.flatMap((part) => {
    try {
      part.bind(table)
      return []
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      return [problemOf(error, part.location, rule.id)]
    }
  })
}

function problemOf(error: EvaluationError, location: SourceLocation, ruleId: string): Problem {
  return {
    code: RULE_CODES.unknownColumn,
    severity: 'error',
    location: error instanceof ColumnError ? error.location : location,
    message: error.message.replace(/ \([^()]*:\d+:\d+\)$/, ''),
    hint: error.hint,
    ruleId,
  }
}
