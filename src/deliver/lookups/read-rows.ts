import type { LookedUp } from '../../model/event/facts.ts'
import type { Lookup, LookupParams } from '../../model/rule/lookup.ts'
import { rowOf } from './answer-values.ts'
import { batchStatement } from './batch-statement.ts'
import type { Answer, LookupConnection } from './lookup-connection.ts'

/** The rows of each question, at most two. */
export async function readRows(
  connection: LookupConnection,
  { statement, timeoutMs }: Lookup,
  questions: readonly LookupParams[],
): Promise<readonly (readonly LookedUp[])[]> {
  if (questions.length === 1) {
    const answer = await connection.ask(statement, questions[0]!, timeoutMs)
    return [answer.rows.slice(0, 2).map((row) => rowOf(answer.fields, row, 0))]
  }
  const { sql, values } = batchStatement(statement, questions)
  return divided(await connection.ask(sql, values, timeoutMs), questions.length)
}

function divided({ fields, rows }: Answer, count: number): readonly (readonly LookedUp[])[] {
  const found: LookedUp[][] = Array.from({ length: count }, () => [])
  for (const row of rows) {
    // Those beyond fill up the statement.
    const of = found[Number(row[0])]
    if (of !== undefined && of.length < 2) of.push(rowOf(fields, row, 1))
  }
  return found
}

/** Of an answer of the server; undefined for what happened to the connection. */
export function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('sqlState' in error)) return undefined
  return typeof error.sqlState === 'string' ? error.sqlState : undefined
}
