import { BingoError, type Problem } from '../../model/errors.ts'
import type { Environment } from '../../model/secrets.ts'
import { ColumnError } from '../../rules/language/column-errors.ts'
import type { Config } from '../config/config.ts'
import type { OutboxConfig } from '../config/outbox/contract.ts'
import { addressOf, optionsOf, polledOnly } from './polled-outboxes.ts'
import { rowRule } from './row-rule.ts'

/**
 * What keeps the outboxes that are polled from being so: a table or a column that is missing, a refused login. A database
 * that cannot be asked now is a warning.
 */
export async function inspectPolled({ name, outboxes, rules }: Config, env: Environment): Promise<Problem[]> {
  const problems: Problem[] = []
  for (const { outbox, polling } of polledOnly(outboxes)) {
    try {
      const url = addressOf(outbox, polling, env, rules.baseDir)
      const { lookAtPolled } = await import('./open-polled.ts')
      const table = await lookAtPolled(url, optionsOf(name, outbox, polling, 0))
      rowRule(outbox).actions[0]!.bind(table)
    } catch (error) {
      problems.push(problemOf(error, outbox))
    }
  }
  return problems
}

function problemOf(error: unknown, { tableLocation }: OutboxConfig): Problem {
  if (error instanceof ColumnError) {
    const { code, message, hint, location } = error
    return { severity: 'error', code, message, hint, location }
  }
  if (!(error instanceof BingoError)) throw error
  const { code, message, hint, retryable } = error
  return {
    severity: retryable ? 'warning' : 'error',
    code,
    message,
    hint,
    location: tableLocation,
  }
}
