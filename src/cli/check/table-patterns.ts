import { BingoError } from '../../model/errors.ts'
import { compileTablePattern, TABLE_PATTERN_HINT } from '../../rules/table-pattern.ts'

/** `--tables`: the patterns of rules; without any, every table but the server's own. Throws BINGO_TABLE_PATTERN. */
export function tablePatterns(patterns: readonly string[]): (schema: string, table: string) => boolean {
  if (patterns.length === 0) return (schema) => !SYSTEM.has(schema)
  const matchers = patterns.map((pattern) => {
    const matcher = compileTablePattern(pattern)
    if (matcher === undefined) {
      throw new BingoError('BINGO_TABLE_PATTERN', `"${pattern}" is not a valid table pattern`, {
        hint: `Write a pattern ${TABLE_PATTERN_HINT}. Quote it for the shell: --tables '…'`,
      })
    }
    return matcher
  })
  return (schema, table) => matchers.some((matches) => matches(schema, table))
}

const SYSTEM: ReadonlySet<string> = new Set(['mysql', 'sys', 'performance_schema', 'information_schema'])
