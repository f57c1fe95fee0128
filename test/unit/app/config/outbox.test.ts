import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig, readConfig } from '../../../../src/app/config/load.ts'
import type { OutboxConfig } from '../../../../src/app/config/outbox/contract.ts'

let cwd: string

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'bingo-outbox-'))
  mkdirSync(join(cwd, 'config'))
})

afterEach(() => rmSync(cwd, { recursive: true }))

function write(outbox: string): void {
  writeFileSync(join(cwd, 'config/bingo.yaml'), `source: {url: "mysql://bingo@db"}\noutbox:\n${outbox}\n`)
}

function entries(outbox: string): readonly OutboxConfig[] {
  write(outbox)
  const { config, warnings } = loadConfig({ env: {}, cwd, sourceRequired: true })
  expect(warnings).toEqual([])
  return config.outboxes
}

function problems(outbox: string): readonly string[] {
  write(outbox)
  return readConfig({ env: {}, cwd, sourceRequired: true }).problems.map(
    ({ code, message, location }) => `${location!.line}:${location!.column} ${code} ${message}`,
  )
}

test('a table is all that an outbox needs: the standard shape, and its rows are kept', () => {
  const [outbox] = entries('  - table: shop.outbox')
  expect(outbox).toMatchObject({
    table: 'shop.outbox',
    after: 'keep',
    cleanup: null,
    to: [],
    polling: undefined,
    mapping: { source: 'outbox', expand: true, tombstone: false, route: null, fields: { id: { column: 'id' } } },
  })
})

test('the options of Debezium’s router have their counterparts', () => {
  const [outbox] = entries(`  - table: shop.outbox
    shape: debezium
    topic: {match: '(?<first>[A-Z]).*', replace: 'events.\${first}.$1\\$'}
    additional: [{column: type, as: eventType}, {column: version, in: envelope}]
    expand: false
    dropNulls: true
    tombstone: true
    source: billing
    to: [{type: log}]`)
  const { mapping, to } = outbox!
  expect(mapping).toMatchObject({
    source: 'billing',
    expand: false,
    dropNulls: true,
    tombstone: true,
    additional: [
      { column: 'type', name: 'eventType', placement: 'header' },
      { column: 'version', name: 'version', placement: 'envelope' },
    ],
  })
  expect(to).toHaveLength(1)
  expect(['Order', 'order'].map(mapping.route!)).toEqual(['events.O.O$', 'order'])
})

test('columns of one’s own, and one type for every row', () => {
  const [outbox] = entries(`  - table: shop.events_*
    shape: {type: {value: orders.changed}, key: order_no, payload: body, userId: by_user, timestamp: at}
    after: mark
    cleanup: {after: 3d}`)
  expect(outbox).toMatchObject({
    after: 'mark',
    cleanup: { afterMs: 259_200_000, everyMs: 86_400_000 },
    mapping: {
      fields: {
        id: null,
        type: { value: 'orders.changed' },
        typeElse: null,
        key: { column: 'order_no' },
        topic: null,
        payload: { column: 'body' },
        timestamp: { column: 'at' },
        texts: { userId: { column: 'by_user' } },
      },
    },
  })
})

test.each([
  ['  {}', '2:1 BINGO_CONFIG_OUTBOX outbox: "outbox" must be a list'],
  ['  - {}', '3:5 BINGO_CONFIG_OUTBOX outbox: an entry has no table'],
  ['  - {table: "a b"}', '3:13 BINGO_CONFIG_OUTBOX outbox: "a b" is not a valid table'],
  ['  - {table: a}\n  - {table: a}', '4:13 BINGO_CONFIG_OUTBOX outbox: two entries are for a'],
  ['  - {table: a, afte: mark}', '3:16 BINGO_CONFIG_OUTBOX outbox: unknown key "afte" in an entry'],
  ['  - {table: a, after: purge}', '3:23 BINGO_CONFIG_OUTBOX outbox: "purge" is not a valid value of after'],
  ['  - {table: a, shape: debezum}', '3:23 BINGO_CONFIG_OUTBOX outbox: "debezum" is not a shape of outboxes'],
  ['  - {table: a, shape: {id: x}}', '3:23 BINGO_CONFIG_OUTBOX outbox: shape has no type'],
  ['  - {table: a, shape: {type: x, kye: y}}', '3:33 BINGO_CONFIG_OUTBOX outbox: unknown key "kye" in shape'],
  [
    '  - {table: a, shape: {type: x, key: {value: y}}}',
    '3:38 BINGO_CONFIG_OUTBOX outbox: only type and topic can be one value for all rows',
  ],
  [
    '  - {table: a, source: database}',
    '3:24 BINGO_CONFIG_OUTBOX outbox: source cannot be "database", which is that of row changes',
  ],
  ['  - {table: a, expand: "yes"}', '3:24 BINGO_CONFIG_OUTBOX outbox: expand must be true or false, but is a string'],
  [
    '  - {table: a, topic: {match: "(", replace: x}}',
    '3:31 BINGO_CONFIG_OUTBOX outbox: invalid regular expression "(": error parsing regexp: missing closing ): `(`',
  ],
  ['  - {table: a, topic: {match: ".*", replace: "$1"}}', '3:31 BINGO_CONFIG_OUTBOX outbox: ".*" has no group 1'],
  ['  - {table: a, topic: {match: x}}', '3:23 BINGO_CONFIG_OUTBOX outbox: topic has no replace'],
  ['  - {table: a, additional: {column: x}}', '3:28 BINGO_CONFIG_OUTBOX outbox: additional must be a list'],
  ['  - {table: a, additional: [{in: header}]}', '3:29 BINGO_CONFIG_OUTBOX outbox: an additional field has no column'],
  [
    '  - {table: a, cleanup: {after: 7d}}',
    '3:25 BINGO_CONFIG_OUTBOX outbox: cleanup needs after: mark, but after is keep',
  ],
  [
    '  - {table: a, after: mark, cleanup: {after: soon}}',
    '3:46 BINGO_CONFIG_OUTBOX outbox: after is not a duration between 0ms and 3650d',
  ],
])('is refused with its place: %s', (outbox, problem) => {
  expect(problems(outbox)).toEqual([problem])
})

test.each([
  ['{afte: mark, shape: debezum}', ['unknown key "afte"', 'has no table', '"debezum" is not a shape']],
  ['{table: "a b", poll: 5s, batch: x}', ['"a b" is not a valid table', 'has no url', 'batch must be a whole number']],
  ['{table: [a], after: purge}', ['table must be a text', '"purge" is not a valid value of after']],
  ['{table: a.*, poll: 5s, workers: -1}', ['"a.*" is not one table', 'has no url', 'workers must be a whole number']],
])('all mistakes of an entry are reported together: %s', (entry, messages) => {
  expect(problems(`  - ${entry}`)).toEqual(messages.map((message) => expect.stringContaining(message) as string))
})

test('a table that is polled has its database, and what else holds for polling', () => {
  const [outbox] = entries('  - {table: public.outbox, url: "postgres://app:${env:PG}@db/shop", poll: 5s}')
  expect(outbox!.polling).toEqual({
    url: 'postgres://app:${env:PG}@db/shop',
    schema: 'public',
    name: 'outbox',
    everyMs: 5_000,
    batch: 100,
    maxRetries: 3,
    workers: 1,
    order: null,
    after: 'mark',
  })
  const all = 'poll: 250ms, batch: 7, maxRetries: 0, workers: 3, order: seq, after: delete'
  const [other] = entries(`  - {table: main.outbox, url: "file:/tmp/app.db", ${all}}`)
  expect(other!.polling).toMatchObject({
    everyMs: 250,
    batch: 7,
    maxRetries: 0,
    workers: 3,
    order: 'seq',
    after: 'delete',
  })
})

test.each([
  ['{table: public.outbox, poll: 5s}', 'has no url'],
  ['{table: outbox, poll: 5s, url: "file:a.db"}', '"outbox" is not one table'],
  ['{table: "public.*", poll: 5s, url: "file:a.db"}', '"public.*" is not one table'],
  ['{table: a.b, poll: 5, url: "file:a.db"}', 'poll must be a duration'],
  ['{table: a.b, poll: 5s, url: "redis://cache"}', 'url is not the address of a database'],
  ['{table: a.b, poll: 5s, url: "postgres://db"}', 'the name of the database is missing'],
  ['{table: a.b, poll: 5s, url: "file:a.db", batch: 0}', 'batch must be a whole number'],
  ['{table: a.b, poll: 5s, url: "file:a.db", workers: 99}', 'workers must be a whole number'],
  ['{table: a.b, poll: 5s, url: "file:a.db", after: keep}', '"keep" is not a valid value of after'],
  ['{table: a.b, batch: 10}', 'batch is for outboxes that are polled'],
])('wrong of polling: %s', (entry, message) => {
  expect(problems(`  - ${entry}`)).toEqual([expect.stringContaining(message)])
})
