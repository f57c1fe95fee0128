import { ProblemsError } from '../../model/errors.ts'
import type { SourceLocation } from '../../model/errors.ts'

/** A piece of text that a person wrote in a rules file (a filter, a template), which knows where it stands. */
export interface SourceText {
  readonly text: string
  readonly location: SourceLocation
  /** It may read posted events: the rule has `on`, not `table`; `saga`: that of a saga, besides. Absent: rows only. */
  readonly scope?: 'events' | 'saga' | undefined
  /** Rule that the text belongs to, for messages. */
  readonly ruleId: string
  /** Place in the file of the character at `offset` of `text`. */
  locate(offset: number): SourceLocation
}

/** `rules/users.yaml:7:13`. */
export function printLocation(location: SourceLocation): string {
  return `${location.file}:${location.line}:${location.column}`
}

/** Text that comes from no file: tests, the command line. */
export function inlineText(text: string, ruleId = 'inline', file = 'inline'): SourceText {
  const locate = (offset: number): SourceLocation => {
    const before = text.slice(0, offset).split('\n')
    const line = before.length
    return { file, line, column: before[line - 1]!.length + 1, excerpt: text.split('\n')[line - 1] }
  }
  return { text, ruleId, location: locate(0), locate }
}

/** One problem at one place in the text, as an error that the rule loader collects. */
export function textProblem(
  source: SourceText,
  code: string,
  message: string,
  offset: number,
  hint?: string,
): ProblemsError {
  return new ProblemsError([
    { code, severity: 'error', location: source.locate(offset), message, hint, ruleId: source.ruleId },
  ])
}
