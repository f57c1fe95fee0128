import type { Log } from '../../model/rule/action.ts'
import { problemLine } from '../../model/problem-line.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { Stats } from '../../model/stats.ts'
import type { TableDef } from '../../model/table/table.ts'

/**
 * Checks rules against the tables that the stream shows, as `bingo check` does with the schema: an account that may only
 * replicate has no other way to know them. What is wrong is logged once for each set of rules.
 */
export class TableChecks {
  private readonly ruleSet: RuleSet
  private readonly stats: Pick<Stats, 'tableProblems'>
  private readonly log: Log
  private readonly told = new Set<string>()

  constructor(ruleSet: RuleSet, { stats, log }: { readonly stats: Pick<Stats, 'tableProblems'>; readonly log: Log }) {
    this.ruleSet = ruleSet
    this.stats = stats
    this.log = log
    stats.tableProblems = { error: 0, warning: 0 }
  }

  /** For a table with a shape that is new. Never throws: what is checked here is judged again by each row. */
  check(table: TableDef): void {
    try {
      for (const problem of this.ruleSet.problemsWith?.(table) ?? []) {
        const { severity, code, ruleId } = problem
        const line = problemLine(problem)
        if (severity === 'note' || this.told.has(line)) continue
        this.told.add(line)
        this.stats.tableProblems[severity] += 1
        const level = severity === 'error' ? 'error' : 'warn'
        this.log[level]({ code, rule: ruleId, schema: table.schema, table: table.name }, line)
      }
    } catch (error) {
      const fields = { code: 'BINGO_INTERNAL', schema: table.schema, table: table.name, err: String(error) }
      this.log.warn(fields, 'the rules could not be checked against a table')
    }
  }
}
