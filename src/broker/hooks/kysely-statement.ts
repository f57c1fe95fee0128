import type {
  ColumnUpdateNode,
  InsertQueryNode,
  OperationNode,
  PrimitiveValueListNode,
  RootOperationNode,
  TableNode,
  ValueListNode,
  ValueNode,
} from 'kysely'
import type { HookOperation } from './hook.ts'

/** What a query says before it is executed. */
export interface KyselyStatement {
  readonly operation: HookOperation
  /** Undefined: the query does not name it. */
  readonly schema: string | undefined
  readonly table: string
  /** Rows of an INSERT, or the one of what an UPDATE sets; expressions are left out. */
  readonly values: readonly { readonly [column: string]: unknown }[]
}

/** Null: it is no query of one table (raw SQL, DDL). The tree is read by its kinds: Kysely itself need not be loaded. */
export function statementOf(node: RootOperationNode): KyselyStatement | null {
  switch (node.kind) {
    case 'InsertQueryNode': {
      const isReplace = node.replace === true
      return named(isReplace ? 'update' : 'create', node.into, insertedRows(node))
    }
    case 'UpdateQueryNode':
      return named('update', node.table, [updatedRow(node.updates ?? [])])
    case 'DeleteQueryNode':
      return named('delete', node.from.froms[0], [])
    case 'SelectQueryNode':
      return named('read', node.from?.froms[0], [])
    default:
      return null
  }
}

function named(
  operation: HookOperation,
  node: OperationNode | undefined,
  values: KyselyStatement['values'],
): KyselyStatement | null {
  const table = tableOf(node)
  if (table === null) return null
  const { schema, identifier } = table.table
  return { operation, schema: schema?.name, table: identifier.name, values }
}

function tableOf(node: OperationNode | undefined): TableNode | null {
  if (node?.kind === 'TableNode') return node as TableNode
  if (node?.kind === 'AliasNode') return tableOf((node as OperationNode & { readonly node: OperationNode }).node)
  return null
}

function insertedRows({ columns = [], values }: InsertQueryNode): KyselyStatement['values'] {
  if (values?.kind !== 'ValuesNode') return []
  const names = columns.map(({ column }) => column.name)
  const { values: rows } = values as OperationNode & {
    readonly values: readonly (PrimitiveValueListNode | ValueListNode)[]
  }
  return rows.map((row) => Object.fromEntries(row.values.flatMap((value, i) => valueOf(names[i]!, value))))
}

function updatedRow(updates: readonly ColumnUpdateNode[]): { readonly [column: string]: unknown } {
  const entries = updates.flatMap(({ column, value }) =>
    column.kind === 'ColumnNode'
      ? valueOf((column as OperationNode & { readonly column: { readonly name: string } }).column.name, value)
      : [],
  )
  return Object.fromEntries(entries)
}

/** Nothing for an expression, whose value the database knows alone. */
function valueOf(name: string, value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return [[name, value]]
  const node = value as OperationNode
  return node.kind === 'ValueNode' ? [[name, (node as ValueNode).value]] : []
}
