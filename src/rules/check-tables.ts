import type { Operation } from '../model/event/row.ts'
import { EvaluationError } from '../model/errors.ts'
import type { Problem, SourceLocation } from '../model/errors.ts'
import { nearestName } from '../model/nearest-name.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { TableDef } from '../model/table/table.ts'
import { parseCel } from './language/cel/cel-engine.ts'
import { factsWhen, NO_FACTS, union } from './language/cel/cel-facts.ts'
import type { Facts } from './language/cel/cel-facts.ts'
import { checkTypes } from './language/cel/compile/cel-type-checks.ts'
import { whyNull } from './language/cel/values/cel-types.ts'
import { ColumnError } from './language/column-errors.ts'
import type { SourceText } from './language/source-text.ts'
import { columnsOf } from './language/table-columns.ts'
import { RULE_CODES } from './codes.ts'
import { recheckWithoutKey } from './read/read-recheck.ts'
import type { CheckedTemplate, RuleChecks } from './rule-checks.ts'
import { compileTablePattern } from './table-pattern.ts'

/**
 * What is wrong with rules for the tables that they name: columns that do not exist (errors), types that do not fit,
 * values that a column cannot have, NULLs that nobody tests for, patterns that no table matches (warnings). For use when
 * the schema is known.
 */
export function checkRulesAgainstTables(
  rules: readonly RuleChecks[],
  tables: readonly TableDef[],
  foldsNames: boolean,
): Problem[] {
  return rules.flatMap((rule) => [
    ...unmatched(rule, tables, foldsNames),
    ...tables.flatMap((table) => checkRulesAgainstTable([rule], table)),
  ])
}

/** As `checkRulesAgainstTables`, for one table, which rules need not name. */
export function checkRulesAgainstTable(rules: readonly RuleChecks[], table: TableDef): Problem[] {
  return rules
    .filter(({ rule }) => rule.matchesTable(table.schema, table.name))
    .flatMap((rule) => checkRule(rule, table))
}

/** Each pattern that would match the table if it were not for the letter case, of rules that do not match it. */
export function checkLetterCase(rules: readonly RuleChecks[], { schema, name }: TableDef): Problem[] {
  return rules
    .filter(({ rule }) => !rule.matchesTable(schema, name))
    .flatMap(({ rule, tables }) =>
      tables
        .filter(({ pattern }) => matchesIgnoringCase(pattern, schema, name))
        .map(({ pattern, location }): Problem => ({
          code: RULE_CODES.tableCase,
          severity: 'warning',
          location,
          message: `"${pattern}" does not match the table ${schema}.${name}, which differs in letter case`,
          hint: 'write the names in the letter case that the server has (in lower case with lower_case_table_names=1)',
          ruleId: rule.id,
        })),
    )
}

function matchesIgnoringCase(pattern: string, schema: string, name: string): boolean {
  return compileTablePattern(pattern.toLowerCase())?.(schema.toLowerCase(), name.toLowerCase()) ?? false
}

/** Each pattern that can match no name in lower case, which is how rows of such a server have them. */
export function checkFoldedNames(rules: readonly RuleChecks[]): Problem[] {
  return rules.flatMap(({ rule, tables }) =>
    tables
      .filter(({ pattern }) => hasCapitals(pattern))
      .map(({ pattern, location }): Problem => ({
        code: RULE_CODES.tableCase,
        severity: 'warning',
        location,
        message: `"${pattern}" never matches: this server has the names of tables and databases in lower case (lower_case_table_names)`,
        hint: `write "${pattern.toLowerCase()}"`,
        ruleId: rule.id,
      })),
  )
}

function hasCapitals(pattern: string): boolean {
  return pattern !== pattern.toLowerCase()
}

/** Each pattern that matches nothing, with the table that may be meant. */
function unmatched(
  { rule, tables: patterns }: RuleChecks,
  tables: readonly TableDef[],
  foldsNames: boolean,
): Problem[] {
  return patterns
    .filter(({ pattern }) => !(foldsNames && hasCapitals(pattern)))
    .filter(({ matches }) => !tables.some(({ schema, name }) => matches(schema, name)))
    .map(({ pattern, location, operation }) => {
      const suffix = operation === undefined ? '' : `.${operation}`
      const names = tables.map(({ schema, name }) => (pattern.includes('.') ? `${schema}.${name}${suffix}` : name))
      const nearest = nearestName(pattern, names)
      return {
        code: RULE_CODES.noTable,
        severity: 'warning',
        location,
        message: `no visible table matches "${pattern}"`,
        hint:
          nearest === undefined
            ? 'check the spelling (including case) and that the account has SELECT on the table'
            : `did you mean "${nearest}"?`,
        ruleId: rule.id,
      }
    })
}

const ROW_OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete']

function checkRule(checks: RuleChecks, table: TableDef): Problem[] {
  const { rule } = checks
  const unknown = unknownColumns(rule, table)
  if (unknown.length > 0) return unknown
  const operations = new Set(ROW_OPERATIONS.filter((operation) => rule.operations.has(operation)))
  if (operations.size === 0) return []
  const inFilter = typeProblems(checks.filter, table, operations, NO_FACTS)
  const facts = factsOf(checks.filter, table)
  return [
    ...recheckWithoutKey(rule, table),
    ...unloggedColumns(checks, table),
    ...inFilter,
    ...checks.actions.flatMap(({ when, templates }) => {
      const known = union(facts, factsOf(when, table))
      return [
        ...typeProblems(when, table, operations, facts),
        ...templates.flatMap((template) => templateProblems(template, table, operations, known, rule.id)),
      ]
    }),
  ]
}

/** Columns that a rule names and the server leaves out for one of its operations. Everything can be bound. */
function unloggedColumns({ rule, actions }: RuleChecks, table: TableDef): Problem[] {
  const unlogged = table.columns.filter((column) => column.unlogged === true).map(({ name }) => name)
  if (unlogged.length === 0 || !(rule.operations.has('update') || rule.operations.has('delete'))) return []
  const predicates = [rule.match, rule.filter, rule.key, ...rule.actions.map(({ when }) => when)].filter(
    (each) => each !== null,
  )
  // One by one: an action that sends the whole row besides reads everything.
  const templates = actions.flatMap((action) => action.templates.map(({ template }) => template))
  return [
    ...predicates.map((each) => ({ reads: each.reads(table), location: each.location })),
    ...templates.map((each) => ({ reads: each.reads(table), location: each.source.location })),
  ].flatMap(({ reads, location }) =>
    unlogged
      .filter((name) => [reads.new, reads.old].some((names) => names !== 'all' && names.has(name)))
      .map((name): Problem => ({
        code: RULE_CODES.unloggedColumn,
        severity: 'warning',
        location,
        message: `${table.schema}.${table.name}: "${name}" is a generated column, which this server leaves out of UPDATE and DELETE: the rule fails for these events`,
        hint: 'read the columns that its expression is made of, or listen to INSERT only (`events: [INSERT]`)',
        ruleId: rule.id,
      })),
  )
}

function unknownColumns(rule: Rule, table: TableDef): Problem[] {
  const parts: { readonly location: SourceLocation; bind(table: TableDef): unknown }[] = [
    ...[rule.match, rule.filter, rule.key].filter((part) => part !== null),
    ...(rule.lookups ?? []),
    ...(rule.threshold ? [rule.threshold] : []),
    ...[rule.cancelOn?.match, rule.cancelOn?.filter].filter((part) => part !== null && part !== undefined),
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

function factsOf(text: SourceText | undefined, table: TableDef): Facts {
  return text === undefined ? NO_FACTS : factsWhen(parseCel(text.text, text.scope).ast, true, table)
}

function typeProblems(
  text: SourceText | undefined,
  table: TableDef,
  operations: ReadonlySet<Operation>,
  facts: Facts,
): Problem[] {
  if (text === undefined) return []
  return checkTypes(parseCel(text.text, text.scope).ast, table, operations, facts).map(
    ({ severity, message, hint, offset }) => ({
      code: RULE_CODES.columnType,
      severity,
      location: text.locate(offset),
      message: `${table.schema}.${table.name}: ${message}`,
      hint,
      ruleId: text.ruleId,
    }),
  )
}

function templateProblems(
  { template, strict }: CheckedTemplate,
  table: TableDef,
  operations: ReadonlySet<Operation>,
  facts: Facts,
  ruleId: string,
): Problem[] {
  const columns = columnsOf(table)
  const warn = (code: string, offset: number, message: string, hint: string): Problem => ({
    code,
    severity: 'warning',
    location: template.source.locate(offset),
    message: `${table.schema}.${table.name}: ${message}`,
    hint,
    ruleId,
  })
  return template.paths.flatMap(({ path, target, sole }) => {
    if (target.image === 'lookup' || target.image === 'threshold') return []
    const [head] = path.parts
    if (target.image === 'event') return []
    const bare = path.parts.length === 1 && (target.image === 'change' || target.name === undefined)
    const shadowed = bare && head !== undefined ? columns.find(head)?.name : undefined
    if (shadowed !== undefined) {
      const message = `{{${head}}} is a variable here, not the column ${shadowed}`
      return [warn(RULE_CODES.shadowedColumn, path.offset, message, `write {{new.${shadowed}}} for the column`)]
    }
    const column = target.name === undefined || target.image === 'change' ? undefined : columns.find(target.name)
    if (!strict || !sole || column === undefined || target.rest.length > 0) return []
    const image = target.image === 'row' || target.image === 'key' ? undefined : (target.image as 'new' | 'old')
    if (isKnown(facts, column.name, image)) return []
    const reason =
      image === undefined
        ? column.nullable && `${column.name} can be NULL`
        : whyNull({ image, column, text: `${image}.${column.name}` }, operations)
    if (typeof reason !== 'string' || (!column.nullable && facts.has('op'))) return []
    const message = `${reason}: rendering then fails and the event moves to the dead letters`
    const hint = `filter such rows out (new.${column.name} != null), or write {{default ${path.parts.join('.')} "none"}}`
    return [warn(RULE_CODES.nullable, path.offset, message, hint)]
  })
}

/** A bare column is that of the new row, in a DELETE of the old one. */
function isKnown(facts: Facts, column: string, image: 'new' | 'old' | undefined): boolean {
  if (image !== undefined) return facts.has(`${image}.${column}`)
  return facts.has(`new.${column}`) || facts.has(`old.${column}`)
}
