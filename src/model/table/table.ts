/**
 * The columns of one table as they were when a binlog event was written.
 * One `TableDef` object stands for one shape: decoders and rule programs are compiled per object and cached on it by
 * identity (`WeakMap`), so a source must hand out the same object as long as nothing changed.
 */
export interface TableDef {
  readonly schema: string
  readonly name: string
  readonly columns: readonly ColumnDef[]
  /** Indexes into `columns` of the primary key, in key order; empty when the table has none. */
  readonly key: readonly number[]
  readonly flavour: Flavour
  /**
   * Columns that row images hold behind `columns` and no SELECT shows: row_start and row_end of MariaDB's system
   * versioning where they are not declared, hashes of its long unique keys.
   */
  readonly hidden?: readonly ColumnDef[] | undefined
  /** Of a system-versioned table: index, among `columns` and then `hidden`, of the column that ends a row's version. */
  readonly rowEnd?: number | undefined
}

export const FLAVOURS = ['mysql', 'mariadb'] as const
export type Flavour = (typeof FLAVOURS)[number]

export interface ColumnDef {
  readonly name: string
  /** MYSQL_TYPE_* code; for MYSQL_TYPE_STRING already resolved to ENUM (247), SET (248) or STRING (254). */
  readonly type: number
  /**
   * Type metadata of the TABLE_MAP event as one number: VARCHAR and VAR_STRING: most bytes; STRING: bytes; ENUM and
   * SET: bytes of a value; BLOB family, JSON, GEOMETRY and VECTOR: bytes of the length, 1 to 4; NEWDECIMAL:
   * precision << 8 | scale; BIT: bits in all; TIME2, DATETIME2, TIMESTAMP2 and the `mariadb53-temporal` types: fraction
   * digits; FLOAT and DOUBLE: size; else 0.
   */
  readonly meta: number
  readonly nullable: boolean
  readonly unsigned: boolean
  /** Collation id of character, ENUM and SET columns; 63 is binary. 0 when not a character column. */
  readonly collation: number
  /** Values of an ENUM or SET, decoded to Unicode. */
  readonly values?: readonly string[] | undefined
  readonly visible: boolean
  /** A generated column that the server leaves out of UPDATE and DELETE. Known where the schema is (`check --online`). */
  readonly unlogged?: boolean
  /**
   * What the column is beyond its wire type; from metadata of the table or the schema. `unknown`: one of these, or none;
   * its values are left out of rows.
   */
  readonly special?: 'uuid' | 'inet4' | 'inet6' | 'vector' | 'mariadb53-temporal' | 'unknown' | undefined
}

/** The columns that row images hold, in their order. */
export function imageColumnsOf({ columns, hidden }: TableDef): readonly ColumnDef[] {
  return hidden === undefined ? columns : [...columns, ...hidden]
}

/** How the values of a column look to filters and templates. */
export const VALUE_KINDS = ['int', 'uint64', 'float', 'string', 'json', 'set', 'geometry', 'vector'] as const

export type ValueKind = (typeof VALUE_KINDS)[number]
