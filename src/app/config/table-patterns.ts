import { compileTablePattern, TABLE_PATTERN_HINT } from '../../rules/table-pattern.ts'
import { InvalidValue, textList, textParser } from './values.ts'

/** Patterns as in the `table:` of rules. */
export const tablePatternList = textParser((value): readonly string[] => {
  const list = textList(value)
  for (const pattern of list) {
    if (compileTablePattern(pattern) === undefined)
      throw new InvalidValue(`"${pattern}" is not a valid table pattern`, `Write a pattern ${TABLE_PATTERN_HINT}.`)
  }
  return list
}, textList.schema)

/** Whether one of these patterns, which were checked, names the table. */
export function anyTable(patterns: readonly string[]): (schema: string, table: string) => boolean {
  const matchers = patterns.map((pattern) => compileTablePattern(pattern)!)
  return (schema, table) => matchers.some((matches) => matches(schema, table))
}
