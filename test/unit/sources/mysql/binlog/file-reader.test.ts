import { appendFile, mkdir, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EventType } from '../../../../../src/sources/mysql/binlog/format/event-types.ts'
import { findBinlogFiles, flavourOfFile, readBinlogFiles } from '../../../../../src/sources/mysql/binlog/file-reader.ts'
import { Recorder, readerFor } from './recorder.ts'
import { event, formatDescription, gtid, insertRows, int, query, tableMap, xid } from './event-bytes.ts'

const MAGIC = Buffer.from([0xfe, 0x62, 0x69, 0x6e])
const TRANSACTION = [query('BEGIN'), tableMap(), insertRows([1]), xid()]

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-files-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function file(name: string, ...parts: Buffer[]): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, Buffer.concat(parts))
  return path
}

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function read(...paths: string[]) {
  const recorder = new Recorder()
  const ends = await allOf(readBinlogFiles(paths, readerFor(recorder, { startFile: '' })))
  return { recorder, ends }
}

describe('reading', () => {
  test('several files, each with its own name and positions', async () => {
    const one = await file('one.000001', MAGIC, formatDescription(), gtid(1), ...TRANSACTION)
    const two = await file('one.000002', MAGIC, formatDescription(), gtid(2), ...TRANSACTION)
    const { recorder, ends } = await read(one, two)
    expect(recorder.lines.filter((line) => line === 'commit')).toHaveLength(2)
    expect(recorder.transactions.map(({ file: name, offset }) => `${name}:${offset}`)).toEqual([
      `one.000001:${4 + formatDescription().length}`,
      `one.000002:${4 + formatDescription().length}`,
    ])
    expect(ends.map(({ truncatedBytes }) => truncatedBytes)).toEqual([0, 0])
    expect(recorder.last.offset).toBe(ends[1]!.offset)
  })

  test('a truncated tail is reported, and none of it is emitted', async () => {
    const whole = [MAGIC, formatDescription(), gtid(1), ...TRANSACTION]
    const size = Buffer.concat(whole).length
    for (const rest of [1, 19, 40]) {
      const cut = await file('cut.000001', ...whole, gtid(2).subarray(0, rest))
      const { recorder, ends } = await read(cut)
      expect(ends).toEqual([{ path: cut, offset: size, truncatedBytes: rest }])
      expect(recorder.lines.at(-1)).toBe('commit')
    }
  })

  test('a transaction cut off in the middle is not committed', async () => {
    const cut = await file('half.000001', MAGIC, formatDescription(), gtid(1), ...TRANSACTION.slice(0, 3))
    const next = await file('half.000002', MAGIC, formatDescription())
    const { recorder } = await read(cut, next)
    expect(recorder.lines).not.toContain('commit')
    expect(recorder.lines.slice(-2)).toEqual(['rollback', 'advance'])
  })

  test('an event larger than any server sends is refused, whatever the size of the file', async () => {
    const hole = await file('hole.000001', MAGIC, formatDescription(), gtid(1))
    const { size } = await stat(hole)
    const header = gtid(2).subarray(0, 19)
    header.writeUInt32LE(0x6000_0000, 9)
    await appendFile(hole, header)
    // Sparse: it takes no room on the disk.
    await truncate(hole, size + 0x6000_0000)
    await expect(read(hole)).rejects.toMatchObject({
      code: 'BINGO_BINLOG_CORRUPT',
      message: expect.stringContaining(`hole.000001:${size}`) as string,
    })
  })

  test('events larger than a chunk, beside small ones', async () => {
    const large = Array.from({ length: 700_000 }, (_, i) => i)
    const events = [gtid(1), query('BEGIN'), tableMap(), insertRows([1]), insertRows(large), insertRows([2]), xid()]
    const { recorder } = await read(await file('large.000001', MAGIC, formatDescription(), ...events))
    expect(recorder.images.map((image) => image.length)).toEqual([5, 3_500_000, 5])
  })

  test('stops on request', async () => {
    const path = await file('stop.000001', MAGIC, formatDescription(), gtid(1), ...TRANSACTION)
    const reading = readBinlogFiles([path], readerFor(new Recorder()), AbortSignal.abort(new Error('enough')))
    await expect(reading.next()).rejects.toThrow('enough')
  })

  test.each<[string, string, Buffer[]]>([
    [
      'an encrypted file of MySQL',
      'BINGO_BINLOG_ENCRYPTED',
      [Buffer.from([0xfd, 0x62, 0x69, 0x6e]), Buffer.alloc(512)],
    ],
    [
      'an encrypted file of MariaDB',
      'BINGO_BINLOG_ENCRYPTED',
      [
        MAGIC,
        formatDescription('10.11.1-MariaDB'),
        event(EventType.MARIADB_START_ENCRYPTION, [int(1, 1), int(1, 4), Buffer.alloc(12)]),
      ],
    ],
    ['another file', 'BINGO_FILE_NOT_BINLOG', [Buffer.from('./binlog.000001\n')]],
    ['an empty file', 'BINGO_FILE_NOT_BINLOG', []],
  ])('%s is refused', async (_, code, parts) => {
    const path = await file('refused.000001', ...parts)
    const reader = readerFor(new Recorder(), {
      flavour: code.includes('BINLOG_ENC') && parts.length > 2 ? 'mariadb' : 'mysql',
    })
    await expect(readBinlogFiles([path], reader).next()).rejects.toMatchObject({ code })
  })

  test('a file that is not there is refused', async () => {
    await expect(read(join(folder, 'none.000001'))).rejects.toMatchObject({ code: 'BINGO_FILE_UNREADABLE' })
  })

  test('an event without a size is corruption, not an endless loop', async () => {
    const path = await file('zeros.000001', MAGIC, formatDescription(), Buffer.alloc(100))
    await expect(read(path)).rejects.toMatchObject({ code: 'BINGO_BINLOG_CORRUPT' })
  })
})

test('the server of a file is known from its first event', async () => {
  expect(await flavourOfFile(await file('a.000001', MAGIC, formatDescription('9.7.4')))).toBe('mysql')
  expect(await flavourOfFile(await file('b.000001', MAGIC, formatDescription('11.8.9-MariaDB-ubu2404')))).toBe(
    'mariadb',
  )
  await expect(flavourOfFile(await file('c.000001', MAGIC, xid()))).rejects.toMatchObject({
    code: 'BINGO_FILE_NOT_BINLOG',
  })
})

describe('finding', () => {
  test('sorts by number, whatever the number of digits', async () => {
    const inner = join(folder, 'data')
    await mkdir(inner)
    for (const name of [
      'bin.1000000',
      'bin.999999',
      'bin.000002',
      'bin.index',
      'ibdata1',
      'bin.000002.idx',
      'aria_log.00000001',
    ]) {
      await writeFile(join(inner, name), name.startsWith('bin.') ? MAGIC : '')
    }
    const names = (paths: string[]) => paths.map((path) => path.slice(inner.length + 1))
    expect(names(await findBinlogFiles(inner))).toEqual(['bin.000002', 'bin.999999', 'bin.1000000'])
    expect(names(await findBinlogFiles(join(inner, 'bin.9*')))).toEqual(['bin.999999'])
    expect(names(await findBinlogFiles(join(inner, 'b?n.*')))).toHaveLength(3)
  })

  test('asks which series is meant', async () => {
    const inner = join(folder, 'replica')
    await mkdir(inner)
    for (const name of ['bin.000001', 'relay.000001']) await writeFile(join(inner, name), MAGIC)
    await expect(findBinlogFiles(inner)).rejects.toThrow('several binlog series: bin, relay')
    expect(await findBinlogFiles(join(inner, 'relay.*'))).toEqual([join(inner, 'relay.000001')])
  })

  test('reports when nothing matches', async () => {
    await expect(findBinlogFiles(join(folder, 'data', 'bin.00000[2]*'))).rejects.toMatchObject({
      code: 'BINGO_FILE_NOT_FOUND',
    })
    await expect(findBinlogFiles(join(folder, 'nothing.*'))).rejects.toMatchObject({ code: 'BINGO_FILE_NOT_FOUND' })
  })
})
