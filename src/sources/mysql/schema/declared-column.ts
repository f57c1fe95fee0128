import type { WireTable } from '../../../model/source/binlog-stream.ts'
import type { ColumnDef, Flavour } from '../../../model/table/table.ts'

/** A column as SQL declares it, from INFORMATION_SCHEMA or a CREATE TABLE statement. */
export interface DeclaredColumn {
  readonly name: string
  /** Lower case, without arguments: `varchar`, `int`, `datetime`, `uuid`. */
  readonly dataType: string
  /** Longest value in bytes, of CHAR, VARCHAR, BINARY and VARBINARY; null where not known. */
  readonly octetLength: number | null
  /** Digits of DECIMAL, bits of BIT. */
  readonly precision: number
  readonly scale: number
  /** Fraction digits of temporal types. */
  readonly fractionDigits: number
  readonly nullable: boolean
  readonly unsigned: boolean
  /** Collation id; 63 for binary strings and blobs, 0 for what is no string. */
  readonly collation: number
  readonly values: readonly string[] | undefined
  readonly visible: boolean
  /** Computed from other columns: VIRTUAL, STORED or PERSISTENT. Absent where the origin does not tell. */
  readonly generated?: boolean
}

/** Type codes as in the TABLE_MAP, and the metadata that must stand beside each; undefined: any. */
type Shape = { readonly types: readonly number[]; readonly meta?: number | undefined }

const STRING = 254
const VARCHAR = 15
const VARCHAR_TYPES = [VARCHAR, 253, 141]
const BLOB_TYPES = [252, 249, 250, 251, 140]
const OLD_TEMPORAL = new Set([7, 11, 12])
const NUMERIC = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal', 'float', 'double'])
const GEOMETRY = new Set([
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geomcollection',
  'geometrycollection',
])

/**
 * Holds one declared column against the wire. Answers the finished column, or in words why the declaration cannot be
 * the one that the event was written with.
 */
export function matchColumn(declared: DeclaredColumn, wire: WireTable, index: number): ColumnDef | string {
  const type = wire.types[index]!
  const meta = wire.metas[index]!
  const shape = shapeOf(declared, wire.flavour, type)
  const column = `column ${index + 1} (${declared.name})`
  if (shape === null) return `${column} has an unknown type ${declared.dataType}`
  if (!shape.types.includes(type)) return `${column} is ${declared.dataType}, but has type code ${type} in the event`
  if ((type === 247 || type === 248) && declared.values === undefined) {
    return `the values of ${column} are unknown: the server prints some of their characters as question marks`
  }
  if (shape.meta !== undefined && shape.meta !== meta) {
    return `${column} differs in length or precision from the event`
  }
  if (declared.nullable !== wire.nullable[index]) return `${column} differs in NULL or NOT NULL`
  const unsigned = wire.unsigned?.[index]
  if (unsigned !== undefined && NUMERIC.has(declared.dataType) && unsigned !== declared.unsigned) {
    return `${column} differs in UNSIGNED`
  }
  const special = specialOf(declared, wire.flavour, type)
  return {
    name: declared.name,
    type,
    meta: special === 'mariadb53-temporal' ? declared.fractionDigits : meta,
    nullable: declared.nullable,
    unsigned: declared.unsigned,
    collation: wire.collations?.[index] || declared.collation,
    ...(declared.values && { values: declared.values }),
    visible: declared.visible,
    ...(special && { special }),
  }
}

/** What the wire type does not tell: MariaDB's own types travel as binary strings or as the temporal types of old. */
export function specialOf(declared: DeclaredColumn, flavour: Flavour, type: number): ColumnDef['special'] {
  if (flavour !== 'mariadb') return undefined
  if (
    type === STRING &&
    (declared.dataType === 'uuid' || declared.dataType === 'inet4' || declared.dataType === 'inet6')
  ) {
    return declared.dataType
  }
  if (type === VARCHAR && declared.dataType === 'vector') return 'vector'
  return OLD_TEMPORAL.has(type) && declared.fractionDigits > 0 ? 'mariadb53-temporal' : undefined
}

function shapeOf(declared: DeclaredColumn, flavour: Flavour, wireType: number): Shape | null {
  const { dataType, octetLength, precision, scale, fractionDigits } = declared
  if (GEOMETRY.has(dataType)) return { types: [255], meta: 4 }
  switch (dataType) {
    case 'tinyint':
      return { types: [1] }
    case 'smallint':
      return { types: [2] }
    case 'mediumint':
      return { types: [9] }
    case 'int':
      return { types: [3] }
    case 'bigint':
      return { types: [8] }
    case 'float':
      return { types: [4] }
    case 'double':
      return { types: [5] }
    case 'decimal':
      return { types: [246], meta: (precision << 8) | scale }
    case 'bit':
      return { types: [16], meta: precision }
    case 'year':
      return { types: [13] }
    case 'date':
      return { types: [10, 14] }
    case 'time':
      return temporal(19, 11, wireType, fractionDigits)
    case 'datetime':
      return temporal(18, 12, wireType, fractionDigits)
    case 'timestamp':
      return temporal(17, 7, wireType, fractionDigits)
    case 'char':
    case 'binary':
      return { types: [STRING], meta: octetLength ?? undefined }
    case 'varchar':
    case 'varbinary':
      // A compressed column has a byte more in the row than it is declared with.
      return { types: VARCHAR_TYPES, meta: wireType === 141 ? undefined : (octetLength ?? undefined) }
    case 'json':
      return flavour === 'mysql' ? { types: [245], meta: 4 } : { types: BLOB_TYPES, meta: 4 }
    case 'enum':
      return { types: [247], meta: (declared.values?.length ?? 0) < 256 ? 1 : 2 }
    case 'set':
      return { types: [248], meta: setBytes(declared.values?.length ?? 0) }
    case 'vector':
      return { types: flavour === 'mysql' ? [242] : [15, 242] }
    case 'uuid':
    case 'inet6':
      return { types: [STRING], meta: 16 }
    case 'inet4':
      return { types: [STRING], meta: 4 }
    default:
      return blob(dataType)
  }
}

function temporal(type: number, old: number, wireType: number, fractionDigits: number): Shape {
  return wireType === old ? { types: [old] } : { types: [type], meta: fractionDigits }
}

function blob(dataType: string): Shape | null {
  const lengths: { readonly [prefix: string]: number } = { tiny: 1, '': 2, medium: 3, long: 4 }
  const parts = /^(tiny|medium|long|)(blob|text)$/.exec(dataType)
  return parts ? { types: BLOB_TYPES, meta: lengths[parts[1]!] } : null
}

function setBytes(count: number): number {
  const bytes = (count + 7) >> 3
  return bytes > 4 ? 8 : bytes
}
