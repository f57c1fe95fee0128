import { describe, expect, test } from 'vitest'
import { EventType } from '../../../../../src/sources/mysql/binlog/format/event-types.ts'
import { createStats } from '../../../../../src/model/stats.ts'
import { Recorder, feedAll, noSchemas, readerFor } from './recorder.ts'
import {
  UUID,
  artificialRotate,
  counted,
  event,
  formatDescription,
  gtid,
  insertRows,
  int,
  query,
  queryBody,
  tableMap,
  xid,
} from './event-bytes.ts'

const START = [artificialRotate('binlog.000007', 4), formatDescription()]

async function read(events: readonly Buffer[], options: Parameters<typeof readerFor>[1] = {}) {
  const recorder = new Recorder()
  const reader = readerFor(recorder, options)
  await feedAll(reader, [...START, ...events])
  return { recorder, reader }
}

function corruptedAt(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 0x10
  return copy
}

describe('a transaction', () => {
  const TRANSACTION = [gtid(5), query('BEGIN'), tableMap(), insertRows([1, 2]), insertRows([3]), xid()]

  test('is emitted from its beginning to its commit, with the position after it', async () => {
    const { recorder, reader } = await read(TRANSACTION, { startGtidSet: `${UUID}:1-4` })
    expect(recorder.lines).toEqual(['advance', 'begin', 'insert shop.users @0', 'insert shop.users @22', 'commit'])
    const offset = 4 + [START[1]!, ...TRANSACTION].reduce((sum, bytes) => sum + bytes.length, 0)
    expect({ ...recorder.last }).toEqual({ flavour: 'mysql', file: 'binlog.000007', offset, gtidSet: `${UUID}:1-5` })
    expect(JSON.parse(JSON.stringify(recorder.last))).toEqual(reader.position())
    expect(recorder.transactions[0]).toEqual({
      id: `${UUID}:5`,
      gtid: `${UUID}:5`,
      file: 'binlog.000007',
      offset: 4 + START[1]!.length,
      serverId: 7,
      timestampUs: 1_700_000_000_123_456,
      query: null,
    })
  })

  test('does not count as executed before its commit', async () => {
    const { recorder, reader } = await read(TRANSACTION.slice(0, -1), { startGtidSet: `${UUID}:1-4` })
    expect(reader.position()).toEqual({ ...recorder.last })
    expect(reader.position().gtidSet).toBe(`${UUID}:1-4`)
    expect(reader.readTo.offset).toBeGreaterThan(reader.position().offset)
  })

  test('that is cut off is forgotten and read again with the same ordinals and the same table object', async () => {
    const { recorder, reader } = await read(TRANSACTION.slice(0, -1))
    reader.interrupted()
    await feedAll(reader, [
      artificialRotate('binlog.000007', reader.position().offset),
      formatDescription(),
      ...TRANSACTION,
    ])
    expect(recorder.lines.slice(4)).toEqual([
      'advance',
      'begin',
      'insert shop.users @0',
      'insert shop.users @22',
      'commit',
    ])
    expect(recorder.transactions[1]).toEqual(recorder.transactions[0])
    expect(new Set(recorder.tables).size).toBe(1)
    expect(recorder.asked).toHaveLength(1)
  })

  test('keeps its ordinals when rules name fewer tables', async () => {
    const events = [
      gtid(1),
      query('BEGIN'),
      tableMap(1, 'a'),
      tableMap(2, 'b'),
      insertRows([1], 1),
      insertRows([1], 2),
      xid(),
    ]
    const all = await read(events)
    const recorder = new Recorder()
    recorder.unwanted = new Set(['a'])
    await feedAll(readerFor(recorder), [...START, ...events])
    expect(all.recorder.lines[3]).toBe('insert shop.b @17')
    expect(recorder.lines).toEqual(['advance', 'begin', 'insert shop.b @17', 'commit'])
  })

  test('without a GTID is named by server, file and offset', async () => {
    const { recorder } = await read([query('BEGIN'), tableMap(), insertRows([1]), query('COMMIT')])
    expect(recorder.transactions[0]).toMatchObject({ id: `7:binlog.000007:${4 + START[1]!.length}`, gtid: null })
    expect(recorder.transactions[0]!.timestampUs).toBe(1_700_000_000_000_000)
    expect(recorder.last.gtidSet).toBeNull()
  })

  test('that was rolled back is reported as such, and its GTID counts as executed', async () => {
    const { recorder } = await read([gtid(5), query('BEGIN'), tableMap(), insertRows([1]), query('ROLLBACK')], {
      startGtidSet: '',
    })
    expect(recorder.lines.at(-1)).toBe('rollback')
    expect(recorder.last.gtidSet).toBe(`${UUID}:5`)
  })

  test('undoes what follows a savepoint', async () => {
    const { recorder } = await read([
      gtid(1),
      query('BEGIN'),
      tableMap(),
      insertRows([1]),
      query('SAVEPOINT `s`'),
      insertRows([2]),
      query('ROLLBACK TO `S`'),
      insertRows([3]),
      xid(),
    ])
    expect(recorder.lines.slice(1)).toEqual([
      'begin',
      'insert shop.users @0',
      'insert shop.users @17',
      'rollback to @17',
      'insert shop.users @34',
      'commit',
    ])
  })

  test('that the server did not live to finish is rolled back when the next file begins', async () => {
    const { recorder } = await read([
      ...TRANSACTION.slice(0, -1),
      artificialRotate('binlog.000008', 4),
      formatDescription(),
    ])
    expect(recorder.lines.slice(-2)).toEqual(['rollback', 'advance'])
    expect(recorder.last).toMatchObject({ file: 'binlog.000008', offset: 4 })
  })

  test('tolerates a slow handler', async () => {
    const recorder = new Recorder()
    const slow = Object.assign(Object.create(Recorder.prototype), recorder, {
      rows: async (block: Parameters<Recorder['rows']>[0]) => {
        recorder.rows(block)
        await Promise.resolve()
      },
    }) as Recorder
    await feedAll(readerFor(slow), [...START, ...TRANSACTION])
    expect(recorder.lines.at(-1)).toBe('commit')
  })
})

describe('DDL', () => {
  test('is a transaction of its own and makes the resolver forget', async () => {
    const forgotten: string[] = []
    const { recorder } = await read([gtid(1), query('ALTER TABLE users ADD x int')], {
      schemas: { ...noSchemas, invalidate: ({ sql }) => forgotten.push(sql) },
    })
    expect(recorder.lines.slice(1)).toEqual(['begin', 'ddl shop.users', 'commit'])
    expect(forgotten).toEqual(['ALTER TABLE users ADD x int'])
  })

  test('other statements only move the position', async () => {
    const { recorder } = await read([gtid(1), query('GRANT ALL ON *.* TO joe')])
    expect(recorder.lines.slice(1)).toEqual(['begin', 'commit'])
  })

  test('CREATE TABLE … SELECT keeps its rows in the same transaction', async () => {
    const { recorder } = await read([
      gtid(1),
      query('BEGIN'),
      query('CREATE TABLE `users` (id int) START TRANSACTION'),
      tableMap(),
      insertRows([1]),
      xid(),
    ])
    expect(recorder.lines.slice(1)).toEqual(['begin', 'ddl shop.users', 'insert shop.users @1', 'commit'])
  })
})

test('a statement that hides rows stops the reader', async () => {
  await expect(read([gtid(1), query('BEGIN'), query('UPDATE users SET a = 1')])).rejects.toMatchObject({
    code: 'BINGO_STATEMENT_FORMAT',
    retryable: false,
  })
  await expect(read([gtid(1), query('BEGIN'), loadQuery('users')])).rejects.toMatchObject({
    code: 'BINGO_STATEMENT_FORMAT',
    hint: expect.stringContaining('source.ignoreStatementsOn: [shop.users]') as unknown,
  })
})

/** The events of LOAD DATA in STATEMENT format. */
function loadQuery(table: string): Buffer {
  const [postHeader, ...rest] = queryBody(`LOAD DATA INFILE 'f' INTO TABLE ${table}`)
  const [seconds, schemaLength, errorCode, varsLength, ...text] = rest
  const load = [int(1, 4), int(10, 4), int(13, 4), int(0, 1)]
  const head = [postHeader!, seconds!, schemaLength!, errorCode!, varsLength!]
  return event(EventType.EXECUTE_LOAD_QUERY, [...head, ...load, ...text])
}

describe('a statement that hides rows of a table that no rule reads', () => {
  const CHECKSUM = "REPLACE INTO `percona`.`checksums` (db) SELECT 'shop', COUNT(*) FROM shop.users"

  async function skipped(statement: Buffer, options: Parameters<typeof readerFor>[1] = {}) {
    const recorder = new Recorder()
    recorder.unwanted = new Set(['checksums', 'imports'])
    const stats = createStats(1)
    const warnings: string[] = []
    const reader = readerFor(recorder, { stats, onWarning: (code) => warnings.push(code), ...options })
    const rows = [tableMap(), insertRows([1]), xid()]
    await feedAll(reader, [
      ...START,
      gtid(1),
      query('BEGIN'),
      statement,
      query('COMMIT'),
      gtid(2),
      query('BEGIN'),
      statement,
      ...rows,
    ])
    return { stats, warnings, lines: recorder.lines }
  }

  test.each([
    ['REPLACE … SELECT', query(CHECKSUM)],
    ['LOAD DATA', loadQuery('imports')],
    ['an INSERT behind SET STATEMENT', query('SET STATEMENT a=1 FOR INSERT INTO imports VALUES (1)')],
  ])('is skipped, counted, and logged once: %s', async (_, statement) => {
    const { stats, warnings, lines } = await skipped(statement)
    expect(stats.skippedStatementsTotal).toBe(2)
    expect(warnings).toEqual(['BINGO_STATEMENT_SKIPPED'])
    expect(lines.slice(-3)).toEqual(['begin', 'insert shop.users @0', 'commit'])
  })

  test.each(['INSERT INTO imports SELECT cleanUp()', 'CALL p()', 'UPDATE imports, users SET users.id = 1'])(
    'stops the reader all the same where it may have changed others: %s',
    async (sql) => {
      await expect(skipped(query(sql))).rejects.toMatchObject({ code: 'BINGO_STATEMENT_FORMAT' })
    },
  )

  test('or that somebody chose to ignore is skipped, whatever it calls', async () => {
    const ignoresStatementsOn = (schema: string, table: string): boolean => `${schema}.${table}` === 'shop.users'
    const { stats } = await skipped(query('INSERT INTO users SELECT cleanUp()'), { ignoresStatementsOn })
    expect(stats.skippedStatementsTotal).toBe(2)
  })
})

describe('XA', () => {
  const PREPARED = [
    gtid(5),
    query("XA START X'31',X'',1"),
    tableMap(),
    insertRows([1]),
    query("XA END X'31',X'',1"),
    event(EventType.XA_PREPARE, [int(0, 1), int(1, 4), int(1, 4), int(0, 4), Buffer.from('1')]),
  ]
  const OTHER = [gtid(6), query('BEGIN'), tableMap(), insertRows([2]), xid()]

  test('rows are emitted with the commit, and until then no restart may begin after them', async () => {
    const { recorder, reader } = await read([...PREPARED, ...OTHER], { startGtidSet: `${UUID}:1-4` })
    const before = recorder.ends[0]!.offset + START[1]!.length
    expect(recorder.lines.slice(1)).toEqual(['advance', 'begin', 'insert shop.users @0', 'commit'])
    expect({ ...recorder.last }).toEqual({
      flavour: 'mysql',
      file: 'binlog.000007',
      offset: expect.any(Number),
      gtidSet: `${UUID}:1-4:6`,
    })
    expect(recorder.last.offset).toBeLessThanOrEqual(before)
    expect(reader.position().gtidSet).toBe(`${UUID}:1-6`)
    expect(reader.preparedTransactions).toBe(1)

    await feedAll(reader, [gtid(7), query("XA COMMIT X'31',X'',1")])
    expect(recorder.lines.slice(5)).toEqual(['begin', 'insert shop.users @0', 'commit'])
    expect(recorder.transactions.at(-1)!.id).toBe(`${UUID}:7`)
    expect({ ...recorder.last }).toEqual(reader.position())
    expect(recorder.last.gtidSet).toBe(`${UUID}:1-7`)
  })

  test('rows of a rolled back transaction are never emitted', async () => {
    const { recorder } = await read([...PREPARED, gtid(6), query("XA ROLLBACK X'31',X'',1")], {
      startGtidSet: `${UUID}:1-4`,
    })
    expect(recorder.lines.slice(1)).toEqual(['advance', 'begin', 'commit'])
    expect(recorder.last.gtidSet).toBe(`${UUID}:1-6`)
  })

  test('a commit in one phase is an ordinary transaction', async () => {
    const onePhase = event(EventType.XA_PREPARE, [int(1, 1), Buffer.alloc(13)])
    const { recorder } = await read([...PREPARED.slice(0, -1), onePhase], { startGtidSet: `${UUID}:1-4` })
    expect(recorder.lines.slice(1)).toEqual(['begin', 'insert shop.users @0', 'commit'])
    expect(recorder.last.gtidSet).toBe(`${UUID}:1-5`)
  })

  test('a commit whose rows came before the start is called out', async () => {
    const warnings: string[] = []
    const { recorder } = await read([gtid(1), query("XA COMMIT X'32',X'',1")], {
      onWarning: (code) => warnings.push(code),
    })
    expect(warnings).toEqual(['BINGO_XA_UNKNOWN'])
    expect(recorder.lines.at(-1)).toBe('commit')
  })

  test('a prepared transaction survives a lost connection', async () => {
    const { recorder, reader } = await read([...PREPARED, gtid(6), query('BEGIN')], { startGtidSet: `${UUID}:1-4` })
    reader.interrupted()
    expect(reader.position().gtidSet).toBe(`${UUID}:1-5`)
    await feedAll(reader, [...START, gtid(6), query("XA COMMIT X'31',X'',1")])
    expect(recorder.lines.slice(-3)).toEqual(['begin', 'insert shop.users @0', 'commit'])
  })

  test('savepoints inside count the rows before them', async () => {
    const { recorder } = await read([
      ...PREPARED.slice(0, 4),
      query('SAVEPOINT a'),
      insertRows([2]),
      query('ROLLBACK TO a'),
      ...PREPARED.slice(4),
      gtid(6),
      query("XA COMMIT X'31',X'',1"),
    ])
    expect(recorder.lines.slice(2)).toEqual([
      'begin',
      'insert shop.users @0',
      'insert shop.users @17',
      'rollback to @17',
      'commit',
    ])
  })

  test('more rows than fit into memory go through a file', async () => {
    const { recorder } = await read(
      [
        ...PREPARED.slice(0, 3),
        ...Array.from({ length: 500 }, (_, i) => insertRows([i])),
        ...PREPARED.slice(4),
        gtid(6),
        query("XA COMMIT X'31',X'',1"),
      ],
      { transactionBufferLimits: { xaMemoryBytes: 1000 } },
    )
    expect(recorder.images.map((image) => image.readUInt32LE(1))).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })
})

describe('positions', () => {
  test('continue above 4 GiB although headers count modulo 2^32', async () => {
    const { recorder } = await read([
      artificialRotate('binlog.000007', 0xffff_fff0),
      gtid(1),
      query('BEGIN', 'shop', { endPosition: 200 }),
      xid({ endPosition: 231 }),
    ])
    expect(recorder.last.offset).toBe(0x1_0000_0000 + 231)
  })

  test('follow a server that leaves out executed transactions', async () => {
    const { recorder } = await read([
      gtid(1, { endPosition: 5000 }),
      query('BEGIN', 'shop', { endPosition: 5100 }),
      xid({ endPosition: 5131 }),
    ])
    expect(recorder.last.offset).toBe(5131)
    expect(recorder.transactions[0]!.offset).toBe(5000 - gtid(1).length)
  })

  test('the ROTATE at the end of a file names the next one', async () => {
    const { recorder } = await read([
      event(EventType.ROTATE, [int(4, 8), Buffer.from('binlog.000008')], { endPosition: 999 }),
    ])
    expect(recorder.last).toMatchObject({ file: 'binlog.000008', offset: 4 })
  })

  test('a dump that begins in mid-file gets the format without moving', async () => {
    const recorder = new Recorder()
    const reader = readerFor(recorder)
    await feedAll(reader, [artificialRotate('binlog.000007', 1234), formatDescription('8.4.0', 1, { timestamp: 77 })])
    expect(reader.readTo).toEqual({ file: 'binlog.000007', offset: 1234 })
    expect([reader.fileCreated, reader.fileCreatedOf('binlog.000007'), reader.fileCreatedOf('other')]).toEqual([
      77, 77, 0,
    ])
  })

  test('heartbeats of both versions move it forward, and not inside a transaction', async () => {
    const v1 = event(EventType.HEARTBEAT, [Buffer.from('binlog.000007')], { endPosition: 7777 })
    const v2 = event(EventType.HEARTBEAT_V2, [
      int(1, 1),
      counted('binlog.000007'),
      int(2, 1),
      int(9, 1),
      int(0xfe, 1),
      int(0x1_0000_0001, 8),
      int(0, 1),
    ])
    const { recorder, reader } = await read([v1])
    expect(recorder.last.offset).toBe(7777)
    await feedAll(reader, [v1, v2, gtid(1), v1])
    expect(recorder.last.offset).toBe(0x1_0000_0001)
    expect(recorder.lines).toEqual(['advance', 'advance', 'advance'])
  })

  test('the executed set comes from the head of the file where it is not known', async () => {
    const uuid = Buffer.from(UUID.replaceAll('-', ''), 'hex')
    const untagged = event(EventType.PREVIOUS_GTIDS, [
      int(1, 8),
      uuid,
      int(2, 8),
      int(1, 8),
      int(5, 8),
      int(7, 8),
      int(8, 8),
    ])
    const tagged = event(EventType.PREVIOUS_GTIDS, [
      Buffer.from([1, 2, 0, 0, 0, 0, 0, 1]),
      uuid,
      int(0, 1),
      int(1, 8),
      int(1, 8),
      int(3, 8),
      uuid,
      int(6, 1),
      Buffer.from('abc'),
      int(1, 8),
      int(4, 8),
      int(5, 8),
    ])
    expect((await read([untagged])).recorder.last.gtidSet).toBe(`${UUID}:1-4:7`)
    expect((await read([tagged])).recorder.last.gtidSet).toBe(`${UUID}:1-2:abc:4`)
    expect((await read([untagged], { startGtidSet: `${UUID}:1-4` })).recorder.last.gtidSet).toBe(`${UUID}:1-4`)
  })

  test('an empty set at the head means something only when GTIDs follow', async () => {
    const empty = event(EventType.PREVIOUS_GTIDS, [int(0, 8)])
    const { recorder, reader } = await read([empty])
    expect(recorder.last.gtidSet).toBeNull()
    await feedAll(reader, [gtid(1), query('BEGIN'), xid()])
    expect(recorder.last.gtidSet).toBe(`${UUID}:1`)
    const anonymous = event(EventType.ANONYMOUS_GTID, [Buffer.alloc(42)])
    await feedAll(reader, [anonymous, query('BEGIN'), xid(), gtid(2), query('BEGIN'), xid()])
    expect(recorder.last.gtidSet).toBeNull()
  })

  test('sets of thousands of commits keep every snapshot as it was', async () => {
    const { recorder, reader } = await read([], { startGtidSet: '' })
    for (let n = 1; n <= 3000; n++) await feedAll(reader, [gtid(n), query('BEGIN'), xid()])
    expect([1, 1024, 1025, 2999].map((n) => recorder.ends[n]!.gtidSet)).toEqual([
      `${UUID}:1`,
      `${UUID}:1-1024`,
      `${UUID}:1-1025`,
      `${UUID}:1-2999`,
    ])
  })
})

describe('corrupt bytes', () => {
  test('a wrong checksum names file and offset, may be retried, and passes nothing on', async () => {
    const stats = createStats(1)
    const recorder = new Recorder()
    const reader = readerFor(recorder, { stats })
    await feedAll(reader, [...START, gtid(1), query('BEGIN'), tableMap()])
    const offset = reader.readTo.offset
    const rows = corruptedAt(insertRows([1]), 30)
    expect(() => reader.feed(rows, 0, rows.length)).toThrow(
      expect.objectContaining({
        code: 'BINGO_BINLOG_CHECKSUM',
        retryable: true,
        message: `checksum mismatch in the WRITE_ROWS event at binlog.000007:${offset}`,
      }),
    )
    expect(recorder.lines).toEqual(['advance'])
    expect(stats).toMatchObject({ checksumErrorsTotal: 1, eventsTotal: 6 })
    const format = corruptedAt(formatDescription(), 72)
    expect(() => reader.feed(format, 0, format.length)).toThrow(
      expect.objectContaining({ code: 'BINGO_BINLOG_CHECKSUM' }),
    )
  })

  test('a format with the in-use flag is as good as one without', async () => {
    const open = formatDescription()
    open[17] = 1
    await expect(read([open])).resolves.toBeDefined()
  })

  test('checksums may be off, and the first ROTATE may have none', async () => {
    const recorder = new Recorder()
    const plain = event(EventType.XID, [int(1, 8)], { checksum: false })
    await feedAll(readerFor(recorder), [
      artificialRotate('binlog.000001', 4, false),
      formatDescription('8.4.0', 0),
      plain,
      formatDescription('5.5.60', 0),
    ])
    expect(recorder.last.file).toBe('binlog.000001')
    expect(recorder.lines).toEqual(['advance', 'begin', 'commit'])
  })

  test.each<[string, Buffer[]]>([
    ['an event before the format', [artificialRotate('binlog.000001', 4), xid()]],
    ['a format of the other flavour', [formatDescription('10.11.6-MariaDB-log')]],
    ['rows without a table map', [...START, gtid(1), query('BEGIN'), insertRows([1], 9)]],
    [
      'rows with another number of columns',
      [
        ...START,
        gtid(1),
        query('BEGIN'),
        tableMap(),
        event(EventType.WRITE_ROWS, [int(1, 6), int(0, 2), int(2, 2), int(2, 1), int(3, 1)]),
      ],
    ],
    ['a transaction in a transaction', [...START, gtid(1), query('BEGIN'), tableMap(), insertRows([1]), gtid(2)]],
    ['less than a header', [Buffer.alloc(18)]],
    ['a size that is not the size', [Buffer.concat([formatDescription(), Buffer.alloc(1)])]],
    ['a savepoint that was not set', [...START, gtid(1), query('BEGIN'), query('ROLLBACK TO x')]],
  ])('%s is corruption', async (_, events) => {
    await expect(feedAll(readerFor(new Recorder()), events)).rejects.toMatchObject({ code: 'BINGO_BINLOG_CORRUPT' })
  })

  test('the error names the place of the corruption', async () => {
    await expect(read([gtid(1), query('BEGIN'), insertRows([1], 9)])).rejects.toThrow(
      /corrupt WRITE_ROWS event at binlog\.000007:\d+: rows of table id 9/,
    )
  })

  test('unknown events stop the reader unless they may be ignored', async () => {
    await expect(read([event(99, [int(1, 4)])])).rejects.toMatchObject({ code: 'BINGO_BINLOG_UNKNOWN_EVENT' })
    const { recorder } = await read([event(99, [int(1, 4)], { flags: 0x80 })])
    expect(recorder.lines).toEqual(['advance', 'advance'])
  })

  test('an incident of the server stops the reader', async () => {
    await expect(read([event(EventType.INCIDENT, [int(1, 2)])])).rejects.toMatchObject({
      code: 'BINGO_BINLOG_INCIDENT',
    })
  })

  test('a rows event that only ends a statement is not corruption', async () => {
    const dummy = event(EventType.WRITE_ROWS, [int(0xff_ffff, 6), int(1, 2), int(2, 2), int(0, 1)])
    const { recorder } = await read([gtid(1), query('BEGIN'), dummy, xid()])
    expect(recorder.lines).toEqual(['advance', 'begin', 'commit'])
  })
})

describe('tables', () => {
  test('new rules are asked again about known tables', async () => {
    const { recorder, reader } = await read([gtid(1), query('BEGIN'), tableMap(), insertRows([1]), xid()])
    recorder.unwanted = new Set(['users'])
    reader.reconsiderTables()
    await feedAll(reader, [gtid(2), query('BEGIN'), tableMap(), insertRows([1]), xid()])
    expect(recorder.lines.slice(4)).toEqual(['begin', 'commit'])
  })

  test('without names the resolver is asked, once until a DDL, and only about wanted tables', async () => {
    const asked: string[] = []
    const recorder = new Recorder()
    recorder.unwanted = new Set(['b'])
    const reader = readerFor(recorder, {
      schemas: {
        invalidate: () => undefined,
        resolve: async (wire) => {
          asked.push(wire.name)
          await Promise.resolve()
          const column = { name: 'id', type: 3, meta: 0, nullable: false, unsigned: false, collation: 0, visible: true }
          return { schema: wire.schema, name: wire.name, columns: [column], key: [0], flavour: 'mysql' }
        },
      },
    })
    const rows = [
      query('BEGIN'),
      tableMap(1, 'a', false),
      tableMap(2, 'b', false),
      insertRows([1], 1),
      insertRows([1], 2),
      xid(),
    ]
    await feedAll(reader, [...START, gtid(1), ...rows, gtid(2), ...rows])
    expect(asked).toEqual(['a'])
    await feedAll(reader, [gtid(3), query('ALTER TABLE a ADD x int'), gtid(4), ...rows])
    expect(asked).toEqual(['a', 'a'])
    expect(recorder.lines.filter((line) => line.startsWith('insert'))).toHaveLength(3)
  })
})
