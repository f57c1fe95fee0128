import { EvaluationError } from '../../../model/errors.ts'
import type { Change } from '../../../model/event/change.ts'
import { isPosted } from '../../../model/event/posted/posted-event.ts'
import type { Predicate } from '../../../model/rule/expression.ts'
import type { TableDef } from '../../../model/table/table.ts'
import { compileCel } from './compile/cel-compile.ts'
import type { EnginePart } from './compile/cel-compile.ts'
import { CelVariables } from './cel-variables.ts'
import type { RowReading } from './cel-context.ts'
import { celIssue, parseCel, setLiteral } from './cel-engine.ts'
import type { CelProgram, CelScope } from './cel-engine.ts'
import { EventVariables } from './cel-event.ts'
import { pathsIn, readsOfKinds } from './values/cel-kinds.ts'
import { parseFilter, plain } from './compile/cel-problems.ts'
import { findReferences, readsOf } from './compile/cel-references.ts'
import type { References } from './compile/cel-references.ts'
import { operandText } from './values/cel-text-range.ts'
import { notInKey, notOfEvent, unknownColumn } from '../column-errors.ts'
import { NO_RULE_FACTS, SAGA_NAMES, sagaProblem } from '../fact-values.ts'
import type { RuleFacts } from '../fact-values.ts'
import { lookupsIn } from './cel-lookups.ts'
import { necessaryComparisons, necessaryLookups } from './compile/necessary.ts'
import { printLocation, textProblem } from '../source-text.ts'
import type { SourceText } from '../source-text.ts'
import { columnsOf } from '../table-columns.ts'

/** Compiles a CEL filter. Throws ProblemsError that points into the text. */
export function compilePredicate(source: SourceText, facts: RuleFacts = NO_RULE_FACTS): Predicate {
  const program = parseFilter(source)
  const lookups = lookupsIn(source, program.ast, facts)
  if (facts.saga !== undefined) checkSagaPaths(source, program.ast, facts.saga.steps)
  const references = findReferences(program.ast)
  return {
    source: source.text,
    scope: source.scope,
    location: source.location,
    lookupNames: lookups,
    necessary: necessaryComparisons(program.ast),
    lookups: source.scope === 'events' ? necessaryLookups(program.ast) : [],
    reads: (table) => readsOf(references, table),
    bind: (table) => bindPredicate(source, references, table),
  }
}

function checkSagaPaths(source: SourceText, ast: CelProgram['ast'], steps: readonly string[]): void {
  for (const { path, offset } of pathsIn(ast)) {
    if (!(SAGA_NAMES as readonly string[]).includes(path[0]!)) continue
    const problem = sagaProblem(path, steps)
    if (problem !== undefined) throw textProblem(source, 'BINGO_RULE_BAD_FILTER', problem.message, offset, problem.hint)
  }
}

/** Compiled code where the expression is plain, the CEL engine for the rest. Both give the same answers. */
function bindPredicate(source: SourceText, references: References, table: TableDef): (change: Change) => boolean {
  const engine = bindToEngine(source, references, table)
  if (columnsOf(table).isStatement || isPosted(table)) return engine
  const reading = rowReading(source, references, table)
  const enginePart: EnginePart = (node) => {
    const text = operandText(source.text, node)
    return text === undefined ? undefined : partOf(text, reading)
  }
  return compileCel(parseCel(source.text, source.scope).ast, table, engine, enginePart) ?? engine
}

/** One operand as the engine answers it; undefined = an error or no boolean, for which the whole is evaluated again. */
function partOf(text: string, reading: RowReading): (change: Change) => boolean | undefined {
  const part = parseFor(text, reading.source.scope, reading.table)
  return (change) => {
    try {
      const answer = part.evaluate(new CelVariables(reading, change))
      return typeof answer === 'boolean' ? answer : undefined
    } catch {
      return undefined
    }
  }
}

/** The predicate as the CEL engine evaluates it: right for every expression. Throws EvaluationError. */
export function bindToEngine(source: SourceText, references: References, table: TableDef): (change: Change) => boolean {
  const program = parseFor(source.text, source.scope, table)
  checkColumns(source, references, table)
  const reading = rowReading(source, references, table)
  const variables = isPosted(table)
    ? (change: Change) => new EventVariables(change, reading.source)
    : (change: Change) => new CelVariables(reading, change)
  return (change) => {
    let answer: unknown
    try {
      answer = program.evaluate(variables(change))
    } catch (error) {
      throw evaluationFailure(source, error)
    }
    // A match is `true`; anything but true and false is an error, never a match and never silence.
    if (answer === true || answer === false) return answer
    throw new EvaluationError(
      'BINGO_FILTER_NOT_BOOL',
      `rule "${source.ruleId}": the filter returned ${describe(answer)} instead of true or false (${printLocation(source.location)})`,
      { hint: 'compare the result with a value, such as `… == 1`' },
    )
  }
}

/** Names that the table does not have are errors when the filter is bound, not silent non-matches. */
function checkColumns(source: SourceText, references: References, table: TableDef): void {
  const columns = columnsOf(table)
  if (columns.isStatement) return
  if (isPosted(table)) {
    refuseRows(source)
    return
  }
  const tested = testedColumns(references)
  for (const { image, column, start } of references.columns) {
    if (tested.has(column)) continue
    if (image === 'key' && columns.findKey(column) === undefined) throw notInKey(source, table, column, start)
    if (columns.find(column) === undefined) throw unknownColumn(source, table, column, start)
  }
}

/** What only rows have is an error when an expression is bound to posted events. */
function refuseRows(source: SourceText): void {
  const [first] = readsOfKinds(parseCel(source.text, source.scope).ast).filter(({ kind }) => kind === 'row')
  if (first !== undefined) throw notOfEvent(source, first.text, first.offset)
}

function testedColumns(references: References): ReadonlySet<string> {
  return new Set(references.columns.filter(({ test }) => test).map(({ column }) => column))
}

function rowReading(source: SourceText, references: References, table: TableDef): RowReading {
  return { source, table, tested: testedColumns(references) }
}

/** Parses for one table: in `'Status' in changed` the constant takes the column's own spelling. */
function parseFor(text: string, scope: CelScope, table: TableDef): CelProgram {
  const program = parseCel(text, scope)
  for (const { image, column, literal } of findReferences(program.ast).columns) {
    const name = columnsOf(table).find(column)?.name
    if (image === 'changed' && literal !== undefined && name !== undefined) setLiteral(literal, name)
  }
  return program
}

function evaluationFailure(source: SourceText, error: unknown): EvaluationError {
  if (error instanceof EvaluationError) return error
  const issue = celIssue(error)
  if (issue === undefined) return failed(source, error instanceof Error ? error.message : String(error), 0, error)
  return failed(source, plain(issue.message), issue.start, error)
}

function failed(source: SourceText, message: string, offset: number, cause: unknown): EvaluationError {
  return new EvaluationError(
    'BINGO_FILTER_FAILED',
    `rule "${source.ruleId}": ${message} (${printLocation(source.locate(offset))})`,
    {
      hint: /\bnull\b/.test(message) ? 'test for NULL first: `x != null && …`' : undefined,
      cause,
    },
  )
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return 'an int'
  if (typeof value === 'number') return 'a double'
  if (typeof value === 'string') return 'a string'
  return Array.isArray(value) ? 'a list' : 'a map'
}
