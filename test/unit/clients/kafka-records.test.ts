import {
  crc32c,
  createRecordsBatch,
  murmur2 as clientsMurmur2,
  produceV11,
  produceV7,
  produceV9,
  type MessageRecord,
} from '@platformatic/kafka'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { compress } from '../../../src/clients/kafka/kafka.ts'
import { murmur2 } from '../../../src/clients/kafka/murmur2.ts'
import { produceRequest } from '../../../src/clients/kafka/produce-request.ts'
import { headerBytes, RecordBatch, seal, textBytes } from '../../../src/clients/kafka/record-batch.ts'
import { Utf8Bytes } from '../../../src/model/event/bytes/content.ts'
import { fc } from '../../support/properties.ts'

interface Given {
  readonly key: string
  readonly value: string | null
  readonly headers: { readonly [name: string]: string }
  /** The value lies as UTF-8 between its neighbours in a larger buffer, as values written from row images do. */
  readonly asBytes?: boolean
}

const NOW = 1_790_000_000_123
const RECORDS_AT = 61
const NUMBERS = { producerId: 4_711n, producerEpoch: 3, sequence: 99, transactional: false }

/** What is made by the same code is compared as it is. */
const OPEN: Record<'gzip' | 'zstd' | 'lz4' | 'snappy', (bytes: Buffer) => Buffer> = {
  gzip: (bytes) => gunzipSync(bytes),
  zstd: (bytes) => zstdDecompressSync(bytes),
  lz4: (bytes) => bytes,
  snappy: (bytes) => bytes,
}

const text = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({ minLength: 100, maxLength: 9_000 }),
)
const record: fc.Arbitrary<Given> = fc.record({
  key: text,
  value: fc.option(text),
  headers: fc.dictionary(fc.string({ maxLength: 20 }), text, { maxKeys: 4, noNullPrototype: true }),
  asBytes: fc.boolean(),
})

function amongOthers(value: string): Utf8Bytes {
  const before = Buffer.from('before')
  const bytes = Buffer.from(value)
  return new Utf8Bytes(
    Buffer.concat([before, bytes, Buffer.from('behind')]),
    before.length,
    before.length + bytes.length,
  )
}

function written(records: RecordBatch, given: readonly Given[]): RecordBatch {
  for (const { key, value, headers, asBytes } of given) {
    records.begin(key, value === null || asBytes !== true ? value : amongOthers(value), Object.keys(headers).length)
    for (const [name, header] of Object.entries(headers)) records.header(name, header)
    records.end()
  }
  return records
}

/** As the client writes them. */
function messages(given: readonly Given[]): MessageRecord[] {
  return given.map(({ key, value, headers }) => ({
    topic: 't',
    partition: 1,
    timestamp: BigInt(NOW),
    key: Buffer.from(key),
    value: value === null ? undefined : Buffer.from(value),
    headers: new Map(Object.entries(headers).map(([name, header]) => [Buffer.from(name), Buffer.from(header)])),
  })) as MessageRecord[]
}

const sequences = { getWithDefault: () => NUMBERS.sequence }
const options = { producerId: NUMBERS.producerId, producerEpoch: NUMBERS.producerEpoch, sequences } as never

describe('records for Kafka', () => {
  test('are written byte for byte as the client writes them', async () => {
    const records = new RecordBatch()
    const given = fc.array(record, { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(given, async (some) => {
        const bytes = await written(records, some).finish('none', NOW, compress)
        seal(bytes, NUMBERS, crc32c)
        expect(bytes.equals(createRecordsBatch(messages(some), options).buffer)).toBe(true)
        records.reset()
      }),
      { numRuns: 200 },
    )
  })

  test('have headers of bytes made before, and of texts with bytes behind them, as they have headers of texts', async () => {
    const ascii = new Uint8Array(128).fill(1)
    const mixed = fc.record({ key: text, name: text, start: text, end: text, fixed: text, isFixed: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(mixed, { minLength: 1, maxLength: 12 }), async (some) => {
        const [records, expected] = [new RecordBatch(), new RecordBatch()]
        for (const { key, name, start, end, fixed, isFixed } of some) {
          for (const each of [records, expected]) each.begin(key, fixed, isFixed ? 2 : 1)
          if (isFixed) records.fixedHeaders(headerBytes(name, fixed))
          if (isFixed) expected.header(name, fixed)
          const isJoined = records.joinedHeader(textBytes(name), start, ascii, Buffer.from(end))
          expect(isJoined).toBe(Buffer.byteLength(start) === start.length)
          if (!isJoined) records.header(name, start + end)
          expected.header(name, start + end)
          for (const each of [records, expected]) each.end()
        }
        const [ours, theirs] = [
          await records.finish('none', NOW, compress),
          await expected.finish('none', NOW, compress),
        ]
        for (const bytes of [ours, theirs]) seal(bytes, NUMBERS, crc32c)
        expect(ours.equals(theirs)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  test('behind a mark are gone after going back to it', async () => {
    const given = [1, 2, 3].map((i) => ({ key: `k${i}`, value: 'x'.repeat(i * 100), headers: { h: 'é' } }))
    const records = written(new RecordBatch(), given.slice(0, 2))
    const { count, size } = records
    written(records, given)
    records.rewind(count, size)
    const [left, expected] = await Promise.all(
      [records, written(new RecordBatch(), given.slice(0, 2))].map((each) => each.finish('none', NOW, compress)),
    )
    for (const bytes of [left!, expected!]) seal(bytes, NUMBERS, crc32c)
    expect(left!.equals(expected!)).toBe(true)
  })

  test.each(['gzip', 'zstd', 'lz4', 'snappy'] as const)('are compressed together: %s', async (compression) => {
    const given = Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: 'value'.repeat(20), headers: {} }))
    const bytes = await written(new RecordBatch(), given).finish(compression, NOW, compress)
    seal(bytes, NUMBERS, crc32c)
    const theirs = createRecordsBatch(messages(given), { ...(options as object), compression } as never).buffer
    const open = OPEN[compression]
    expect(open(bytes.subarray(RECORDS_AT)).equals(open(theirs.subarray(RECORDS_AT)))).toBe(true)
    expect(bytes.subarray(21, RECORDS_AT).equals(theirs.subarray(21, RECORDS_AT))).toBe(true)
  })

  test('are part of a transaction where they are sealed so, and not any more when they are sealed again', async () => {
    const bytes = await written(new RecordBatch(), [{ key: 'k', value: 'v', headers: {} }]).finish(
      'none',
      NOW,
      compress,
    )
    const before = Buffer.from(bytes)
    seal(bytes, { ...NUMBERS, transactional: true }, crc32c)
    expect(bytes.readInt16BE(21)).toBe(0x10)
    seal(bytes, NUMBERS, crc32c)
    seal(before, NUMBERS, crc32c)
    expect(bytes.equals(before)).toBe(true)
  })

  test('go to the partitions that the client chooses', () => {
    fc.assert(
      fc.property(text, (key) => {
        const bytes = Buffer.from(key)
        expect(murmur2(bytes, 0, bytes.length)).toBe(clientsMurmur2(bytes) >>> 0)
      }),
    )
  })

  test.each([
    [7, produceV7, null],
    [9, produceV9, null],
    [11, produceV11, 'bingo'],
  ] as const)('are requested as the client requests it: version %i', async (version, api, transactionalId) => {
    const given = [{ key: 'k', value: 'v', headers: {} }]
    const bytes = await written(new RecordBatch(), given).finish('none', NOW, compress)
    seal(bytes, { ...NUMBERS, transactional: transactionalId !== null }, crc32c)
    const ours = produceRequest(version, [{ topic: 't', partition: 1, count: 1, bytes }], 30_000, transactionalId)
    const theirs = api.createRequest(-1, 30_000, messages(given), { ...(options as object), transactionalId } as never)
    expect(Buffer.concat(ours).equals(theirs.buffer)).toBe(true)
  })
})
