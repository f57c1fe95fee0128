import { zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { EventType } from '../../../../../src/sources/mysql/binlog/format/event-types.ts'
import { Recorder, feedAll, readerFor } from './recorder.ts'
import {
  artificialRotate,
  event,
  formatDescription,
  gtid,
  insertRowsBody,
  int,
  queryBody,
  tableMapBody,
} from './event-bytes.ts'

const NO_CHECKSUM = { checksum: false }

function innerEvents(rowEvents: number, rowsEach: number): Buffer {
  const rows = event(EventType.WRITE_ROWS, insertRowsBody(Array.from({ length: rowsEach }, (_, i) => i)), NO_CHECKSUM)
  return Buffer.concat([
    event(EventType.QUERY, queryBody('BEGIN'), NO_CHECKSUM),
    event(EventType.TABLE_MAP, tableMapBody(), NO_CHECKSUM),
    ...Array.from({ length: rowEvents }, () => rows),
    event(EventType.XID, [int(1, 8)], NO_CHECKSUM),
  ])
}

function field(type: number, value: Buffer): Buffer {
  return Buffer.concat([int(type, 1), int(value.length, 1), value])
}

function payload(data: Buffer, compression: number, uncompressed: number): Buffer {
  const size = (n: number) => Buffer.concat([int(0xfe, 1), int(n, 8)])
  return event(EventType.TRANSACTION_PAYLOAD, [
    field(2, compression === 255 ? Buffer.from([0xfc, 255, 0]) : int(compression, 1)),
    field(3, size(uncompressed)),
    field(1, size(data.length)),
    int(0, 1),
    data,
  ])
}

async function read(...events: Buffer[]): Promise<Recorder> {
  const recorder = new Recorder()
  await feedAll(readerFor(recorder), [artificialRotate('binlog.000001', 4), formatDescription(), gtid(1), ...events])
  return recorder
}

describe('a compressed transaction', () => {
  test.each([
    ['small, at once', 3, 5],
    ['large, in pieces', 300, 2000],
    ['one event that is larger than any piece', 1, 500_000],
  ])('%s', async (_, rowEvents, rowsEach) => {
    const inner = innerEvents(rowEvents, rowsEach)
    const recorder = await read(payload(zstdCompressSync(inner), 0, inner.length))
    expect(recorder.images).toHaveLength(rowEvents)
    expect(recorder.images.every((image) => image.length === rowsEach * 5)).toBe(true)
    expect(recorder.lines.at(-1)).toBe('commit')
    const body = 12 + rowsEach * 5
    expect(recorder.lines.at(-2)).toBe(`insert shop.users @${body * (rowEvents - 1)}`)
  })

  test('may be stored without compression', async () => {
    const inner = innerEvents(2, 2)
    expect((await read(payload(inner, 255, inner.length))).lines.at(-1)).toBe('commit')
  })

  test('waits for a slow handler', async () => {
    const recorder = new Recorder()
    let running = 0
    const inner = innerEvents(20, 2)
    const reader = readerFor({
      begin: (transaction) => recorder.begin(transaction),
      rows: async (block) => {
        expect(++running).toBe(1)
        await Promise.resolve()
        recorder.rows(block)
        running--
      },
      ddl: () => undefined,
      commit: (end) => recorder.commit(end),
      rollback: () => undefined,
      advance: () => undefined,
      wants: () => true,
    })
    const compressed = payload(zstdCompressSync(inner), 0, inner.length)
    await feedAll(reader, [artificialRotate('binlog.000001', 4), formatDescription(), gtid(1), compressed])
    expect(recorder.images).toHaveLength(20)
    expect(recorder.lines.at(-1)).toBe('commit')
  })

  test('an error of the handler is not treated as corruption', async () => {
    const inner = innerEvents(300, 2000)
    const recorder = new Recorder()
    recorder.rows = () => {
      throw new TypeError('of the handler')
    }
    const compressed = payload(zstdCompressSync(inner), 0, inner.length)
    await expect(
      feedAll(readerFor(recorder), [artificialRotate('binlog.000001', 4), formatDescription(), gtid(1), compressed]),
    ).rejects.toThrow(TypeError)
  })

  const inner = innerEvents(300, 2000)
  const small = innerEvents(1, 1)
  test.each<[string, Buffer]>([
    ['more bytes than announced', payload(zstdCompressSync(inner), 0, inner.length - 1)],
    ['fewer bytes than announced', payload(zstdCompressSync(inner), 0, inner.length + 1)],
    ['a small size for a large payload', payload(zstdCompressSync(inner), 0, 10)],
    ['bytes that are not zstd', payload(Buffer.alloc(100, 7), 0, 100)],
    ['bytes that are not zstd, many', payload(Buffer.alloc(100, 7), 0, 2 ** 40)],
    ['a cut off stream', payload(zstdCompressSync(inner).subarray(0, 500), 0, inner.length)],
    ['an unknown compression', payload(small, 7, small.length)],
    ['an inner event that goes over the end', payload(small.subarray(0, -1), 255, small.length - 1)],
    ['an inner event without a size', payload(Buffer.alloc(40), 255, 40)],
  ])('%s is corruption', async (_, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'BINGO_BINLOG_CORRUPT' })
  })

  test('an unknown inner event stops the reader', async () => {
    const unknown = event(99, [int(1, 4)], NO_CHECKSUM)
    await expect(read(payload(unknown, 255, unknown.length))).rejects.toMatchObject({
      code: 'BINGO_BINLOG_UNKNOWN_EVENT',
    })
  })
})
