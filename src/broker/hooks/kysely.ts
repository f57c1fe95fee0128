import type { KyselyPlugin, QueryId, RootOperationNode } from 'kysely'
import { currentActor } from './actor.ts'
import { Hook, keyOf, type HookEvent, type HookOptions } from './hook.ts'
import { statementOf, type KyselyStatement } from './kysely-statement.ts'

/** What a statement did. */
export interface KyselyChange extends KyselyStatement {
  /** What RETURNING, or a SELECT, gave. */
  readonly rows: readonly unknown[]
  readonly affected: number | null
  readonly insertId: number | bigint | null
}

export interface KyselyEventsOptions extends Omit<HookOptions, 'schema'> {
  /** For tables whose schema the query does not name. */
  readonly schema: string
  /** Of a table. Default: its name. Null: no event. */
  readonly entity?: ((table: string) => string | null) | undefined
  /** Replaces what would be published: rows, values, affected and insertId. */
  readonly event?: ((change: KyselyChange) => Partial<Omit<HookEvent, 'entity'>>) | undefined
}

/**
 * A plugin for Kysely: publishes `SCHEMA.TABLE.OPERATION` when a statement was executed. It does not know whether the
 * transaction around it is committed: where that counts, use the outbox.
 */
export function kyselyEvents(options: KyselyEventsOptions): KyselyPlugin {
  const hooks = new Map<string, Hook>()
  const hookOf = (schema: string): Hook => {
    let hook = hooks.get(schema)
    if (hook === undefined) hooks.set(schema, (hook = new Hook({ ...options, schema })))
    return hook
  }
  const statements = new WeakMap<QueryId, KyselyStatement>()
  const { entity: entityOf = (table: string): string | null => table, event } = options

  const note = (node: RootOperationNode, queryId: QueryId): void => {
    const statement = statementOf(node)
    if (statement !== null) statements.set(queryId, statement)
  }

  const tell = (queryId: QueryId, result: Parameters<KyselyPlugin['transformResult']>[0]['result']): void => {
    const statement = statements.get(queryId)
    if (statement === undefined) return
    // A query that is streamed comes here once for each piece.
    statements.delete(queryId)
    const { operation, table } = statement
    const hook = hookOf(statement.schema ?? options.schema)
    const entity = entityOf(table)
    if (entity === null || !hook.publishes(operation)) return
    hook.publish(operation, () => {
      const { rows, numAffectedRows, insertId } = result
      const change: KyselyChange = {
        ...statement,
        rows,
        affected: numAffectedRows === undefined ? null : Number(numAffectedRows),
        // SQLite answers that of the statement before, too.
        insertId: insertId === undefined || operation !== 'create' ? null : exact(insertId),
      }
      const { values, affected } = change
      const payload = { rows, values, affected, insertId: change.insertId }
      return { entity, payload, key: keyOf(entity, idOf(change)), ...currentActor(), ...event?.(change) }
    })
  }

  return {
    transformQuery: ({ node, queryId }) => {
      quietly(() => note(node, queryId))
      return node
    },
    transformResult: ({ queryId, result }) => {
      quietly(() => tell(queryId, result))
      return Promise.resolve(result)
    },
  }
}

/** A query of an unforeseen shape is executed all the same. */
function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // It has no event.
  }
}

function exact(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

/** Of the one row that it is about; undefined where there are several, or nobody knows. */
function idOf({ operation, rows, values, insertId }: KyselyChange): unknown {
  const [row] = rows
  if (rows.length === 1 && typeof row === 'object' && row !== null && 'id' in row) return row.id
  if (operation !== 'create' || values.length !== 1) return undefined
  return values[0]!['id'] ?? insertId
}
