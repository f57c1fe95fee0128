import { deflateSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { locateCorruption } from '../../../../../src/sources/mysql/binlog/format/corrupt-event.ts'
import { EventType } from '../../../../../src/sources/mysql/binlog/format/event-types.ts'
import { StatementReader } from '../../../../../src/sources/mysql/binlog/statement-text.ts'
import { MOST_EVENT_BYTES } from '../../../../../src/model/event/forms/event-size.ts'
import type { Flavour } from '../../../../../src/model/table/table.ts'
import {
  artificialRotate,
  event,
  formatDescription,
  gtid,
  int,
  queryBody,
  tableMap,
  tableMapBody,
} from './event-bytes.ts'
import { feedAll, readerFor, Recorder } from './recorder.ts'

/** What was asked for may not be gathered: far above what a reader takes, far below what the lengths claim. */
const MOST_GROWTH_BYTES = 64 << 20

function corruption(what: string): object {
  const message = expect.stringMatching(new RegExp(`^corrupt \\w+ event at binlog\\.000001:\\d+: .*${what}`)) as string
  return { code: 'BINGO_BINLOG_CORRUPT', message }
}

/** Feeds a transaction with this event, which is refused; growth of memory outside of the heap. */
async function growth(bytes: Buffer, flavour: Flavour = 'mysql', what = ''): Promise<number> {
  const reader = readerFor(new Recorder(), { flavour })
  const server = flavour === 'mysql' ? formatDescription() : formatDescription('11.8.0-MariaDB')
  const start = flavour === 'mysql' ? [gtid(1)] : [mariadbGtid(), tableMap()]
  await feedAll(reader, [artificialRotate('binlog.000001', 4), server, ...start])
  const before = process.memoryUsage().arrayBuffers
  await expect(feedAll(reader, [bytes])).rejects.toMatchObject(corruption(what))
  return process.memoryUsage().arrayBuffers - before
}

function mariadbGtid(): Buffer {
  return event(162, [int(1, 8), int(0, 4), int(0, 1), Buffer.alloc(6)])
}

function lengthEncoded(value: number): Buffer {
  return Buffer.concat([int(0xfe, 1), int(value, 8)])
}

/** Inner events, said to be `claimed` bytes. */
function payload(inner: Buffer, claimed: number | null): Buffer {
  const data = zstdCompressSync(inner)
  const size = claimed === null ? [] : [int(3, 1), int(9, 1), lengthEncoded(claimed)]
  return event(EventType.TRANSACTION_PAYLOAD, [int(2, 1), int(1, 1), int(0, 1), ...size, int(0, 1), data])
}

/** The header of an inner event of so many bytes, and as many zeros as compress to a few kB. */
function giant(claimed: number): Buffer {
  const header = event(EventType.WRITE_ROWS, [], { checksum: false })
  header.writeUInt32LE(claimed, 9)
  return Buffer.concat([header, Buffer.alloc(256 << 20)])
}

describe('a length in a compressed transaction that cannot be true is refused before anything is gathered', () => {
  test.each<[string, () => Buffer]>([
    ['an inner event larger than any server sends', () => payload(giant(0xffff_ffff), null)],
    ['one just too large', () => payload(giant(MOST_EVENT_BYTES + 1), 2 ** 40)],
    [
      'an inner event larger than what is left of the announced size',
      () => payload(giant((256 << 20) + 20), (256 << 20) + 19),
    ],
    ['a size that no compression reaches', () => payload(giant(1_000), 2 ** 50)],
  ])('%s', async (_, bytes) => {
    expect(await growth(bytes(), 'mysql', '(an inner event of|\\d+ bytes compressed into)')).toBeLessThan(
      MOST_GROWTH_BYTES,
    )
  })
})

describe('MariaDB’s compression', () => {
  const block = (claimed: number, plainBytes: number): Buffer =>
    Buffer.concat([
      int(0x84, 1),
      Buffer.from([claimed >>> 24, claimed >>> 16, claimed >>> 8, claimed]),
      deflateSync(Buffer.alloc(plainBytes)),
    ])
  const rows = (data: Buffer): Buffer => event(166, [int(1, 6), int(1, 2), int(1, 1), int(1, 1), data])
  const statement = (data: Buffer): Buffer => event(165, [...queryBody(''), data])

  test.each<[string, Buffer]>([
    ['rows of 4 GiB', rows(block(0xffff_ffff, 10 << 20))],
    [
      'rows of 1 GiB and more, in as many bytes as that needs',
      rows(Buffer.concat([block(MOST_EVENT_BYTES + 1, 1_000), Buffer.alloc(1_100_000)])),
    ],
    ['rows beyond what deflate reaches', rows(block(512 << 20, 1_000))],
    ['rows of fewer bytes than they hold', rows(block(1_000, 64 << 20))],
    ['a statement of 4 GiB', statement(block(0xffff_ffff, 10 << 20))],
  ])('%s', async (_, bytes) => {
    expect(await growth(bytes, 'mariadb')).toBeLessThan(MOST_GROWTH_BYTES)
  })
})

describe('counts', () => {
  const body = Buffer.concat(tableMapBody(1, 'users', false))
  const at = body.indexOf(Buffer.from([1, 3, 0, 0]))
  const withColumns = (count: Buffer): Buffer =>
    event(EventType.TABLE_MAP, [body.subarray(0, at), count, body.subarray(at + 1)])
  const values = (count: number): Buffer =>
    event(EventType.TABLE_MAP, [
      Buffer.concat(tableMapBody(1, 'users', false)).subarray(0, at),
      int(1, 1),
      int(0xfe, 1),
      int(2, 1),
      int(0xf7, 1),
      int(1, 1),
      int(0, 1),
      int(6, 1),
      int(9, 1),
      lengthEncoded(count),
    ])
  const set = (sources: number, intervals: number): Buffer =>
    event(EventType.PREVIOUS_GTIDS, [int(sources, 8), Buffer.alloc(16), int(intervals, 8), int(1, 8), int(2, 8)])
  const list = event(163, [int(0x0fff_ffff, 4), Buffer.alloc(16)])

  test.each<[string, Buffer]>([
    ['columns', withColumns(lengthEncoded(2 ** 40))],
    ['columns, 16 bits', withColumns(Buffer.from([0xfc, 0xff, 0xff]))],
    ['ENUM values', values(2 ** 40)],
    ['GTID sources', set(2 ** 40, 1)],
    ['GTID intervals', set(1, 2 ** 40)],
  ])('%s', async (_, bytes) => {
    expect(await growth(bytes)).toBeLessThan(MOST_GROWTH_BYTES)
  })

  test('of a MariaDB GTID list', async () => {
    expect(await growth(list, 'mariadb')).toBeLessThan(MOST_GROWTH_BYTES)
  })
})

test('GTID intervals that do not ascend, which would take the square of their number in time, are refused', async () => {
  const many = 200_000
  const intervals = Buffer.alloc(16 * many)
  for (let i = 0; i < many; i++) {
    intervals.writeUInt32LE(3 * (many - i), 16 * i)
    intervals.writeUInt32LE(3 * (many - i) + 1, 16 * i + 8)
  }
  const descending = event(EventType.PREVIOUS_GTIDS, [int(1, 8), Buffer.alloc(16), int(many, 8), intervals])
  expect(await growth(descending)).toBeLessThan(MOST_GROWTH_BYTES)
  const source = [Buffer.alloc(16), int(1, 8), int(5, 8), int(6, 8)]
  const twice = event(EventType.PREVIOUS_GTIDS, [int(2, 8), ...source, ...source])
  expect(await growth(twice)).toBeLessThan(MOST_GROWTH_BYTES)
})

test('a text that is longer than any string is corruption with a place', () => {
  const thrown = Object.assign(new Error('Cannot create a string longer than …'), { code: 'ERR_STRING_TOO_LONG' })
  expect(locateCorruption(thrown, EventType.QUERY, 'binlog.000001', 4)).toMatchObject(
    corruption('exceeds the maximum length'),
  )
})

test.each<[string, number, Flavour]>([
  ['ROWS_QUERY', EventType.ROWS_QUERY, 'mysql'],
  ['ANNOTATE_ROWS', EventType.MARIADB_ANNOTATE_ROWS, 'mariadb'],
])('of the statement in a %s event the first MiB is kept, up to a whole character', (_, type) => {
  const head = type === EventType.ROWS_QUERY ? 1 : 0
  const text = `x${'é'.repeat(600 << 10)}`
  const body = Buffer.concat([Buffer.alloc(head), Buffer.from(text)])
  const reader = new StatementReader('mysql', () => false)
  const kept = reader.logged(type, body, 0, body.length)
  expect(Buffer.byteLength(kept)).toBe((1 << 20) - 1)
  expect(text.startsWith(kept)).toBe(true)
  expect(reader.logged(type, body, 0, head + 3)).toBe('xé')
})
