import type { LookupParams } from '../../model/rule/lookup.ts'

/** Most questions in one statement. */
export const MOST_QUESTIONS = 64

export interface BatchStatement {
  readonly sql: string
  readonly values: LookupParams
}

/**
 * One statement for several questions, in which each is the SELECT as it was written, with its own parameters: so the server
 * compares as it would for each alone, whatever collations and conversions have to do with it, which an `IN` whose rows
 * have to be found again by their values cannot promise. The first column numbers the question.
 */
export function batchStatement(select: string, questions: readonly LookupParams[]): BatchStatement {
  // Few different texts, so that servers and the client prepare few: 2, 4, 8 … The last question fills up.
  const size = sizeFor(questions.length)
  const parts = Array.from({ length: size }, (_, i) => `SELECT ${i} AS \`#\`, \`t\`.* FROM (${select}\n) AS \`t\``)
  const last = questions.at(-1)!
  return {
    sql: parts.join(' UNION ALL '),
    values: Array.from({ length: size }, (_, i) => questions[i] ?? last).flat(),
  }
}

function sizeFor(count: number): number {
  let size = 1
  while (size < count) size *= 2
  return size
}
