import type { WireTable } from '../../../model/source/binlog-stream.ts'
import { BingoError } from '../../../model/errors.ts'
import type { TableDef } from '../../../model/table/table.ts'
import type { TableName } from '../sql/names.ts'
import { buildTable } from './build-table.ts'
import type { DeclaredTable } from './table-columns.ts'

/** Beyond so many the ones created first are forgotten, and asked for when rows of them come. */
const MOST_TABLES = 4_096
const STRINGS = /^(var)?char$|text$/

/**
 * Columns of tables whose creation was read in the stream. They hold for the place being read, whatever the server has
 * by now, until a statement is read that may change them.
 */
export class CreatedTables {
  readonly #tables = new Map<string, DeclaredTable>()

  set(table: TableName, declared: DeclaredTable): void {
    this.#tables.set(keyOf(table.schema, table.table), declared)
    if (this.#tables.size > MOST_TABLES) this.#tables.delete(this.#tables.keys().next().value!)
  }

  get(schema: string, table: string): DeclaredTable | undefined {
    return this.#tables.get(keyOf(schema, table))
  }

  /** Whatever the letter case of the name. */
  delete({ schema, table }: TableName): void {
    const folded = keyOf(schema, table).toLowerCase()
    for (const key of this.#tables.keys()) if (key.toLowerCase() === folded) this.#tables.delete(key)
  }

  clear(): void {
    this.#tables.clear()
  }

  /** Null when the creation was not read, or does not fit the event, or does not tell all that the event leaves out. */
  build(wire: WireTable): TableDef | null {
    const declared = this.get(wire.schema, wire.name)
    if (declared === undefined) return null
    try {
      const table = buildTable(wire, declared)
      const isUnknown = ({ dataType }: DeclaredTable['columns'][number], i: number): boolean =>
        table.columns[i]!.collation === 0 &&
        (STRINGS.test(dataType) || (dataType === 'json' && wire.flavour === 'mariadb'))
      return declared.columns.some(isUnknown) ? null : table
    } catch (error) {
      if (error instanceof BingoError) return null
      throw error
    }
  }
}

function keyOf(schema: string, table: string): string {
  return `${schema}\0${table}`
}
