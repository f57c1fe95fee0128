import { ColumnType } from '../../../model/table/column-type.ts'
import type { ColumnDef, Flavour, TableDef, ValueKind } from '../../../model/table/table.ts'
import type { Value } from '../../../model/event/row.ts'

/** A column whose kind nobody knows yet: all of its values were NULL. */
export type ColumnKind = ValueKind | 'unknown'

export interface ShapeParts {
  readonly schema: string
  readonly table: string
  readonly flavour: Flavour
  /** Names of the columns of the key. */
  readonly key: readonly string[]
  readonly columns: readonly (readonly [name: string, kind: ColumnKind])[]
}

type ColumnBase = Pick<ColumnDef, 'type' | 'unsigned' | 'collation' | 'meta'>

const TYPES: Readonly<Record<ColumnKind, ColumnBase>> = {
  int: { type: ColumnType.LONGLONG, unsigned: false, collation: 0, meta: 0 },
  uint64: { type: ColumnType.LONGLONG, unsigned: true, collation: 0, meta: 0 },
  float: { type: ColumnType.DOUBLE, unsigned: false, collation: 0, meta: 8 },
  // utf8mb4_0900_ai_ci, a LONGTEXT.
  string: { type: ColumnType.BLOB, unsigned: false, collation: 255, meta: 4 },
  json: { type: ColumnType.JSON, unsigned: false, collation: 0, meta: 4 },
  set: { type: ColumnType.SET, unsigned: false, collation: 255, meta: 8 },
  geometry: { type: ColumnType.GEOMETRY, unsigned: false, collation: 0, meta: 4 },
  vector: { type: ColumnType.VECTOR, unsigned: false, collation: 0, meta: 4 },
  unknown: { type: ColumnType.JSON, unsigned: false, collation: 0, meta: 4 },
}

interface Shape {
  readonly kinds: ReadonlyMap<string, ColumnKind>
  readonly def: TableDef
}

/** Whoever writes to a topic could name ever other tables. */
const MOST_TABLES = 10_000

/**
 * One TableDef for each table whose rows come as JSON: the same object as long as nothing new is seen, since rules are
 * compiled per object. Columns that were seen once stay: a row that lacks one has it absent.
 */
export class TableShapes {
  private readonly shapes = new Map<string, Shape>()

  of(parts: ShapeParts): TableDef {
    const name = JSON.stringify([parts.flavour, parts.schema, parts.table, ...parts.key])
    const known = this.shapes.get(name)
    if (known !== undefined && covers(known.kinds, parts.columns)) return known.def
    const kinds = new Map(known?.kinds)
    for (const column of parts.key) if (!kinds.has(column)) kinds.set(column, 'unknown')
    for (const [column, kind] of parts.columns) kinds.set(column, joined(kinds.get(column), kind))
    if (known === undefined && this.shapes.size >= MOST_TABLES) this.shapes.clear()
    const shape = { kinds, def: define(parts, kinds) }
    this.shapes.set(name, shape)
    return shape.def
  }
}

/** What kind a value is of that came without a schema. */
export function kindOfValue(value: Value): ColumnKind {
  switch (typeof value) {
    case 'bigint':
      return 'int'
    case 'number':
      return Number.isSafeInteger(value) ? 'int' : 'float'
    case 'string':
      return 'string'
    case 'object':
      return value === null ? 'unknown' : 'json'
    case 'undefined':
      return 'unknown'
    default:
      return 'json'
  }
}

function covers(known: ReadonlyMap<string, ColumnKind>, columns: ShapeParts['columns']): boolean {
  return columns.every(([name, kind]) => {
    const before = known.get(name)
    return before !== undefined && joined(before, kind) === before
  })
}

/** The kind that holds for both: a column of doubles has whole ones too. */
function joined(one: ColumnKind | undefined, other: ColumnKind): ColumnKind {
  if (one === undefined || one === 'unknown' || one === other) return other
  if (other === 'unknown') return one
  const isNumber = (kind: ColumnKind): boolean => kind === 'int' || kind === 'float'
  return isNumber(one) && isNumber(other) ? 'float' : 'json'
}

function define({ schema, table, flavour, key }: ShapeParts, kinds: ReadonlyMap<string, ColumnKind>): TableDef {
  const names = [...kinds.keys()]
  return {
    schema,
    name: table,
    flavour,
    columns: names.map((name) => ({ name, ...TYPES[kinds.get(name)!], nullable: !key.includes(name), visible: true })),
    key: key.map((name) => names.indexOf(name)),
  }
}
