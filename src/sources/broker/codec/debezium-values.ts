import type { Flavour } from '../../../model/table/table.ts'
import type { Value } from '../../../model/event/row.ts'
import { readGeometry } from '../../mysql/binlog/columns/geometry.ts'
import { dateOfDays, dateTimeOfMicros, floorDiv, timeOfMicros } from './debezium-time.ts'
import { isMap, jsonOf, stringAt, type JsonMap } from './json-value.ts'
import { invalidRecord } from './invalid.ts'
import type { ColumnKind } from './table-shapes.ts'

/** What a field of the schema of an envelope says of its column. */
export interface DebeziumField {
  readonly kind: ColumnKind
  /** The value as rows of a binlog have it. Throws for what the schema does not allow. */
  read(value: Value): Value
}

const AS_IS = (value: Value): Value => value
const MICROS_PER_MS = 1_000n
const NANOS_PER_MICRO = 1_000n
const SRID_BYTES = 4

/** Fields by their Connect type, where no name says more. */
const BY_TYPE: { readonly [type: string]: ColumnKind } = {
  int8: 'int',
  int16: 'int',
  int32: 'int',
  int64: 'int',
  float: 'float',
  float32: 'float',
  double: 'float',
  float64: 'float',
  string: 'string',
  // Base64, as BinGo shows bytes.
  bytes: 'string',
  boolean: 'json',
}

const date = (value: Value): Value => dateOfDays(integer(value))
const dateTime =
  (toMicros: (value: bigint) => bigint) =>
  (value: Value): Value =>
    dateTimeOfMicros(toMicros(integer(value)))
const time =
  (toMicros: (value: bigint) => bigint) =>
  (value: Value): Value =>
    timeOfMicros(toMicros(integer(value)))
const ofMs = (value: bigint): bigint => value * MICROS_PER_MS
const ofMicros = (value: bigint): bigint => value
const ofNanos = (value: bigint): bigint => floorDiv(value, NANOS_PER_MICRO)

/** By the name of the schema (debezium.io, "Data type mappings" of each connector). */
const BY_NAME: { readonly [name: string]: DebeziumField } = {
  'io.debezium.time.Date': { kind: 'string', read: date },
  'io.debezium.time.Time': { kind: 'string', read: time(ofMs) },
  'io.debezium.time.MicroTime': { kind: 'string', read: time(ofMicros) },
  'io.debezium.time.NanoTime': { kind: 'string', read: time(ofNanos) },
  'io.debezium.time.Timestamp': { kind: 'string', read: dateTime(ofMs) },
  'io.debezium.time.MicroTimestamp': { kind: 'string', read: dateTime(ofMicros) },
  'io.debezium.time.NanoTimestamp': { kind: 'string', read: dateTime(ofNanos) },
  'org.apache.kafka.connect.data.Date': { kind: 'string', read: date },
  'org.apache.kafka.connect.data.Time': { kind: 'string', read: time(ofMs) },
  'org.apache.kafka.connect.data.Timestamp': { kind: 'string', read: dateTime(ofMs) },
  'io.debezium.data.Bits': { kind: 'uint64', read: bits },
  'io.debezium.data.VariableScaleDecimal': { kind: 'string', read: variableScale },
  'io.debezium.data.geometry.Geometry': { kind: 'geometry', read: geometry },
  'io.debezium.data.geometry.Geography': { kind: 'geometry', read: geometry },
  'io.debezium.data.geometry.Point': { kind: 'geometry', read: geometry },
  'io.debezium.data.EnumSet': { kind: 'set', read: (value) => (value === '' ? [] : (value as string).split(',')) },
}

/** `field`: of `before` or `after` in the schema of an envelope. */
export function debeziumField(field: JsonMap, flavour: Flavour, isMysql: boolean): DebeziumField {
  const [type, name] = [stringAt(field, 'type') ?? '', stringAt(field, 'name') ?? '']
  const parameters = isMap(field['parameters']) ? field['parameters'] : {}
  const found = namedField(name, parameters, flavour) ?? plainField(type, isMysql)
  return { kind: found.kind, read: (value) => (value === null || value === undefined ? value : found.read(value)) }
}

function namedField(name: string, parameters: JsonMap, flavour: Flavour): DebeziumField | undefined {
  if (name === 'org.apache.kafka.connect.data.Decimal') {
    const scale = Number(parameters['scale'] ?? 0)
    return { kind: 'string', read: (value) => decimal(value, scale) }
  }
  if (name === 'io.debezium.data.Json') {
    // For MariaDB it is a LONGTEXT.
    if (flavour === 'mariadb') return { kind: 'string', read: AS_IS }
    return {
      kind: 'json',
      read: (value) => (typeof value === 'string' ? jsonOf(Buffer.from(value), 'document') : value),
    }
  }
  return Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined
}

function plainField(type: string, isMysql: boolean): DebeziumField {
  // BIT(1) and, by a converter, TINYINT(1): numbers where they come from.
  if (type === 'boolean' && isMysql)
    return { kind: 'int', read: (value) => (typeof value === 'boolean' ? Number(value) : value) }
  return { kind: BY_TYPE[type] ?? 'json', read: AS_IS }
}

function integer(value: Value): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw invalidRecord(`a time or date is ${typeof value}, and its schema says that it is a whole number`)
}

/** The unscaled value, big-endian with a sign, in base64. `decimal.handling.mode`: string and double come as they are. */
function decimal(value: Value, scale: number): Value {
  if (typeof value !== 'string') return value
  const unscaled = signed(Buffer.from(value, 'base64'))
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale))
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

function variableScale(value: Value): Value {
  if (!isMap(value)) throw invalidRecord('a number with a scale of its own is not a map of scale and value')
  return decimal(value['value'], Number(value['scale'] ?? 0))
}

function signed(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
}

/** BIT(n): little-endian bytes in base64. */
function bits(value: Value): Value {
  if (typeof value !== 'string') return value
  const bytes = Buffer.from(value, 'base64').reverse()
  const number = bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`)
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : number
}

/** WKB in base64, and the SRID beside it. */
function geometry(value: Value): Value {
  if (!isMap(value)) return value
  const srid = Buffer.alloc(SRID_BYTES)
  srid.writeUInt32LE(Number(value['srid'] ?? 0) >>> 0)
  const bytes = Buffer.concat([srid, Buffer.from(stringAt(value, 'wkb') ?? '', 'base64')])
  try {
    return readGeometry(bytes, 0, bytes.length)
  } catch (error) {
    throw invalidRecord(`a geometry is not WKB: ${(error as Error).message}`)
  }
}
