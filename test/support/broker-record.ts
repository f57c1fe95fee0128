import { RecordCodec } from '../../src/sources/broker/codec/record-codec.ts'
import type { BrokerRecord, Decoded, DecodedRow, RecordFormat } from '../../src/sources/broker/contract.ts'

/** A record of a topic: texts as they are, everything else as JSON. */
export function recordOf(
  value: unknown,
  given: Partial<Omit<BrokerRecord, 'key'>> & { key?: unknown } = {},
): BrokerRecord {
  const { key = null, ...rest } = given
  return {
    topic: 'shop.orders',
    part: 'shop.orders/0',
    place: '7',
    at: 1_764_324_000_000,
    headers: new Map(),
    ...rest,
    key: bytesOf(key),
    value: bytesOf(value),
  }
}

function bytesOf(value: unknown): Uint8Array | null {
  if (value === null) return null
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

export function codecOf(format: RecordFormat, type: string | null = null): RecordCodec {
  return new RecordCodec({ format, source: 'orders', type, instanceId: 'test', mostHops: 16 })
}

export function decode(
  format: RecordFormat,
  value: unknown,
  given: Parameters<typeof recordOf>[1] = {},
): readonly Decoded[] {
  return codecOf(format).decode(recordOf(value, given))
}

/** The one row that a record says. */
export function rowOf(decoded: readonly Decoded[]): DecodedRow {
  const [one, more] = decoded
  if (one?.tag !== 'row' || more !== undefined) throw new Error(`not one row: ${JSON.stringify(decoded)}`)
  return one.row
}
