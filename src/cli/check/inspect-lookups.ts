import { lookupOpener } from '../../deliver/lookups/open-lookup.ts'
import type { LookupConnection } from '../../deliver/lookups/lookup-connection.ts'
import type { Problem } from '../../model/errors.ts'
import type { Lookup } from '../../model/rule/lookup.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { SourceAddress } from '../../sources/mysql/source-address.ts'
import { thrownFailure } from '../../targets/failure/failure.ts'

/** ER_TABLEACCESS_DENIED, ER_COLUMNACCESS_DENIED: no SELECT. The server can be asked, and says what is missing. */
const NO_SELECT = /error (1142|1143) /

/**
 * Has the statement of each lookup prepared by its server, which finds missing tables, columns and privileges. A server that
 * cannot be asked now is a warning.
 */
export async function inspectLookups(rules: readonly Rule[], source: readonly SourceAddress[]): Promise<Problem[]> {
  const open = lookupOpener(source)
  const problems: Problem[] = []
  for (const lookup of rules.flatMap(({ lookups = [] }) => lookups)) problems.push(...(await inspect(lookup, open)))
  return problems
}

async function inspect(lookup: Lookup, open: (lookup: Lookup) => LookupConnection): Promise<readonly Problem[]> {
  let connection: LookupConnection | null = null
  try {
    connection = open(lookup)
    await connection.describe(lookup.statement, lookup.timeoutMs)
    return []
  } catch (error) {
    const failure = connection === null ? thrownFailure('down', error) : connection.failure(error)
    const { message, hint } = failure.error
    const isRefused = failure.kind !== 'down' || NO_SELECT.test(message)
    return [
      {
        severity: isRefused ? 'error' : 'warning',
        code: 'BINGO_LOOKUP_FAILED',
        message: `lookup.${lookup.name}: ${message}`,
        hint: NO_SELECT.test(message) ? 'Grant SELECT on the tables of the lookup to the user that asks.' : hint,
        location: lookup.location,
        ruleId: lookup.ruleId,
      },
    ]
  } finally {
    await connection?.close()
  }
}
