import { describe, expect, test } from 'vitest'
import { ProblemsError } from '../../../src/model/errors.ts'
import type { Problem } from '../../../src/model/errors.ts'
import { type CompileOptions, loadRulesFromText } from '../../../src/rules/files/load.ts'
import { tablesOfDump } from '../../../src/sources/mysql/schema/schema-dump.ts'
import { actionTypes } from '../../../src/targets/registry.ts'

const DUMP = `
-- MySQL dump 10.13  Distrib 8.4.3, for Linux (x86_64)
--
-- Host: localhost    Database: shop
CREATE TABLE \`orders\` (
  \`id\` bigint unsigned NOT NULL AUTO_INCREMENT,
  \`total\` decimal(10,2) NOT NULL,
  \`status\` int NOT NULL DEFAULT '0',
  \`active\` tinyint(1) NOT NULL,
  \`state\` enum('new','paid','shipped') NOT NULL,
  \`flags\` set('gift','express') NOT NULL,
  \`zip\` varchar(10) NOT NULL,
  \`email\` varchar(100) DEFAULT NULL,
  \`age\` int DEFAULT NULL,
  \`created\` datetime(6) NOT NULL,
  \`weight\` double NOT NULL,
  \`doc\` json DEFAULT NULL,
  \`key\` varchar(10) NOT NULL,
  \`ts\` timestamp NOT NULL,
  PRIMARY KEY (\`id\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;`

const TABLES = tablesOfDump(DUMP)

function problemsOf(rule: string, known: Partial<CompileOptions> = {}): readonly Problem[] {
  const options = {
    baseDir: '/',
    targets: new Map(),
    defaults: { redisUrl: 'redis://cache', allowCidrs: [] },
    actionTypes: actionTypes(),
    tables: TABLES,
    ...known,
  }
  try {
    return loadRulesFromText([{ path: '/r.yaml', name: 'r.yaml', text: rule }], options).warnings
  } catch (error) {
    if (error instanceof ProblemsError) return error.problems
    throw error
  }
}

const withFilter = (filter: string, events = 'UPDATE'): string =>
  `rules:\n  - {id: r, table: orders, events: [${events}], filter: ${JSON.stringify(filter)}, actions: [{type: log}]}`
const withAction = (action: string, filter = 'true', events = 'UPDATE'): string =>
  `rules:\n  - {id: r, table: orders, events: [${events}], filter: ${JSON.stringify(filter)}, actions: [${action}]}`

describe('A filter that does not fit the columns is reported with a fix', () => {
  test.each([
    [
      'new.total > 100',
      'error',
      'DECIMAL(10,2), a string in CEL, and cannot be compared with an int',
      'decimal(new.total)',
    ],
    ['100 <= new.total', 'error', 'DECIMAL(10,2)', 'decimal(new.total)'],
    ['new.total == 100.0', 'warning', 'never equals a double', 'decimal(new.total)'],
    ['new.total + 1 == 2', 'error', 'has no + with', 'decimal(new.total)'],
    [
      "new.status == '1'",
      'warning',
      'new.status is INT, an int in CEL, and never equals a string',
      'write 1 without quotes',
    ],
    ["new.status != '1'", 'warning', 'always differs from', 'write 1 without quotes'],
    ["new.status in ['1', '2']", 'warning', 'never equals', 'write 1 without quotes'],
    ["new.status < '5'", 'error', 'cannot be compared', 'write 5 without quotes'],
    ['new.active == true', 'warning', 'new.active is TINYINT, an int in CEL', 'write 1 instead of true'],
    ['new.active != false', 'warning', 'always differs from a bool', 'write 0 instead of false'],
    ['new.active', 'error', 'not true or false', 'write new.active == 1'],
    ["!new.active || op == 'x'", 'error', 'not true or false', 'write new.active == 1'],
    [
      "new.state == 'payed'",
      'warning',
      "never equals 'payed', which is not one of its values",
      'write one of: new, paid, shipped',
    ],
    ["new.state in ['new', 'Paid']", 'warning', "'Paid'", "did you mean 'paid'?"],
    ["'gifts' in new.flags", 'warning', 'never holds', "did you mean 'gift'?"],
    ["new.flags == 'gift'", 'warning', 'a list in CEL', '… in new.flags'],
    ["new.flags.contains('gift')", 'error', 'has no contains()', '… in new.flags'],
    ['new.zip == 12345', 'warning', 'VARCHAR', "compare it with a string: '12345'"],
    ["new.status.startsWith('1')", 'error', 'has no startsWith()', 'string(new.status).startsWith(…)'],
    ['new.created > ts', 'error', 'DATETIME(6)', 'timestamp(new.created)'],
    ['new.age >= 18', 'warning', 'new.age can be NULL', 'new.age != null && …'],
    ['new.age + 1 > 3', 'warning', 'new.age can be NULL', 'new.age != null && …'],
    ["new.email.endsWith('x')", 'warning', 'new.email can be NULL', 'new.email != null && …'],
    ['new.age > 18 && new.age < 65', 'warning', 'new.age can be NULL', 'new.age != null && …'],
    ['int(new.email) == 1', 'warning', 'new.email can be NULL', 'new.email != null && …'],
  ])('%s', (filter, severity, message, hint) => {
    const [problem, ...more] = problemsOf(withFilter(filter))
    expect(problem).toMatchObject({ severity, code: 'BINGO_RULE_COLUMN_TYPE' })
    expect(problem!.message).toContain(message)
    expect(problem!.hint).toContain(hint)
    expect(problem!.location).toMatchObject({ file: 'r.yaml', line: 2 })
    expect(more.length).toBeLessThanOrEqual(1)
  })

  test.each([
    ['old.status > 1', 'INSERT, UPDATE', 'old.status is NULL in an INSERT'],
    ['new.status > 1', 'UPDATE, DELETE', 'new.status is NULL in a DELETE'],
  ])('%s for %s', (filter, events, message) => {
    expect(
      problemsOf(withFilter(filter, events))
        .map((each) => each.message)
        .join(),
    ).toContain(message)
  })
})

describe('A valid filter reports nothing', () => {
  test.each([
    'double(new.total) > 100.0',
    'decimal(new.total) * 1.1 + 1 > 20',
    'new.?age.orValue(0) > 18',
    "new.total == '19.90'",
    'new.total == null || old.total != new.total',
    'new.status == 1 && new.active == 0',
    "new.state in ['new', 'paid'] && 'gift' in new.flags",
    'new.age != null && new.age >= 18',
    'new.age == null || new.age >= 18',
    'new.age >= 18 && new.age != null',
    'new.age != null ? new.age > 3 : false',
    '!(new.age == null) && new.age > 3',
    'new.age == old.age',
    'new.age in [1, 2] && new.age > 1',
    "new.email != null && new.email.endsWith('x')",
    "op == 'update' && old.status > 1",
    "op != 'insert' && old.status > 1",
    'new.weight > 1 && new.weight < 2.5',
    "new.created > '2026-01-01' && timestamp(new.created) < ts",
    "new.doc.vip == true && new.doc.level > '3'",
    'new.id > 1',
    "'total' in changed && has(new.total)",
    "new.flags.exists(f, f == 'other')",
    'string(new.status) == "1"',
  ])('%s', (filter) => {
    expect(problemsOf(withFilter(filter, 'INSERT, UPDATE'))).toEqual([])
  })
})

describe('Templates and when', () => {
  test.each([
    [
      '{type: redis, cmd: DEL, key: "u:{{email}}"}',
      'BINGO_RULE_NULLABLE',
      'email can be NULL',
      '{{default email "none"}}',
    ],
    [
      '{type: webhook, url: "https://x.test/{{new.age}}"}',
      'BINGO_RULE_NULLABLE',
      'new.age can be NULL',
      'new.age != null',
    ],
    ['{type: redis, cmd: DEL, key: "k:{{key}}"}', 'BINGO_RULE_SHADOWED_COLUMN', '{{key}} is a variable', '{{new.key}}'],
    [
      '{type: webhook, url: "https://x.test/", body: {at: "{{ts}}"}}',
      'BINGO_RULE_SHADOWED_COLUMN',
      '{{ts}}',
      '{{new.ts}}',
    ],
    ['{type: log, when: "new.total > 5"}', 'BINGO_RULE_COLUMN_TYPE', 'DECIMAL', 'decimal(new.total)'],
  ])('%s', (action, code, message, hint) => {
    const [problem, ...more] = problemsOf(withAction(action))
    expect(more).toEqual([])
    expect(problem).toMatchObject({ code })
    expect(problem!.message).toContain(message)
    expect(problem!.hint).toContain(hint)
  })

  test('a key from the row that an operation does not have is reported', () => {
    const found = problemsOf(withAction('{type: redis, cmd: DEL, key: "u:{{new.zip}}"}', 'true', 'DELETE'))
    expect(found).toMatchObject([{ code: 'BINGO_RULE_NULLABLE' }])
    expect(found[0]!.message).toContain('new.zip is NULL in a DELETE')
  })

  test.each([
    ['{type: redis, cmd: DEL, key: "u:{{email}}"}', 'new.email != null'],
    ['{type: redis, cmd: DEL, key: "u:{{email}}", when: "new.email != null"}', 'true'],
    ['{type: redis, cmd: DEL, key: "u:{{default email \\"none\\"}}"}', 'true'],
    ['{type: redis, cmd: DEL, key: "u:{{#if email}}{{email}}{{/if}}{{id}}"}', 'true'],
    ['{type: webhook, url: "https://x.test/", body: {e: "{{email}}", t: "{{new.ts}}"}}', 'true'],
    ['{type: log, when: "new.age > 5"}', 'new.age != null'],
    ['{type: redis, cmd: DEL, key: "k:{{key.id}}:{{event.ts}}"}', 'true'],
  ])('%s where %s is right', (action, filter) => {
    expect(problemsOf(withAction(action, filter))).toEqual([])
  })
})

test('A pattern that no table matches is reported at its place, with the nearest table', () => {
  const text = (table: string): string => `rules:\n  - {id: r, table: ${table}, actions: [{type: log}]}`
  expect(problemsOf(text('[orders, shop.order]'))).toMatchObject([
    { code: 'BINGO_RULE_NO_TABLE', hint: 'did you mean "shop.orders"?', location: { line: 2, column: 29 } },
  ])
  expect(problemsOf(text('Orders'))).toMatchObject([{ hint: 'did you mean "orders"?' }])
})

test('A name with capital letters is told where the server has names in lower case, a pattern and a quoted name too', () => {
  const told = (table: string): unknown[] =>
    problemsOf(`rules:\n  - {id: r, table: ${JSON.stringify(table)}, actions: [{type: log}]}`, {
      foldsNames: true,
    }).map(({ code, hint, location }) => [code, hint, location?.column])
  expect(told('Shop.orders')).toEqual([['BINGO_RULE_TABLE_CASE', 'write "shop.orders"', 20]])
  expect(told('shop.Ord*')).toEqual([['BINGO_RULE_TABLE_CASE', 'write "shop.ord*"', 20]])
  expect(told('`Shop`.orders')).toEqual([['BINGO_RULE_TABLE_CASE', 'write "`shop`.orders"', 20]])
  expect(told('shop.orders')).toEqual([])
  expect(problemsOf('rules: [{id: r, table: Shop.x, actions: [{type: log}]}]', { tables: undefined })).toEqual([])
})

describe('A generated column that MariaDB 11.8 leaves out of UPDATE and DELETE', () => {
  const dump = (version: string): string => `-- MariaDB dump 10.19  Distrib ${version}-MariaDB, for Linux (x86_64)
-- Host: localhost    Database: shop
-- ------------------------------------------------------
-- Server version\t${version}-MariaDB-log
CREATE TABLE \`orders\` (\`id\` int(11) NOT NULL, \`net\` int(11) NOT NULL,
  \`gross\` int(11) GENERATED ALWAYS AS (\`net\` * 2) STORED, \`twice\` int(11) GENERATED ALWAYS AS (\`net\` * 2) VIRTUAL,
  \`plain\` int(11) NOT NULL DEFAULT (1 + 1), \`as\` int(11) NOT NULL COMMENT 'AS (1)', PRIMARY KEY (\`id\`));`
  const codesOf = (rule: string, version = '11.8.2'): string[] =>
    problemsOf(rule, { tables: tablesOfDump(dump(version)) })
      .filter(({ code }) => code === 'BINGO_RULE_UNLOGGED_COLUMN')
      .map(({ severity, message, location }) => `${severity} ${location!.line} ${/"(\w+)"/.exec(message)![1]}`)

  test.each([
    ['a filter', withFilter('new.id > 1 && new.GROSS > 3'), ['warning 2 gross']],
    ['the old row', withFilter('old.twice > 3', 'DELETE'), ['warning 2 twice']],
    ['a template', withAction('{type: redis, cmd: DEL, key: "k:{{gross}}:{{new.twice}}"}'), ['gross', 'twice']],
    ['one of several templates', withAction('{type: webhook, url: "https://x.test/{{new.gross}}"}'), ['gross']],
    ['`when`', withAction('{type: log, when: "new.gross > 1"}', 'true', 'INSERT, DELETE'), ['warning 2 gross']],
  ])('is told where %s reads it', (_, rule, expected) => {
    expect(codesOf(rule)).toEqual(expected.map((each) => (each.includes(' ') ? each : `warning 2 ${each}`)))
  })

  test.each([
    ['a rule for INSERT', withFilter('new.gross > 3', 'INSERT'), '11.8.2'],
    ['other columns', withFilter('new.net + new.plain + new.as > 3'), '11.8.2'],
    ['the whole row', withAction('{type: webhook, url: "https://x.test/"}'), '11.8.2'],
    ['a server that logs it', withFilter('new.gross > 3'), '11.4.5'],
  ])('is no matter to %s', (_, rule, version) => {
    expect(codesOf(rule, version)).toEqual([])
  })
})

test('The end of a row’s version is no part of the key of a versioned table', () => {
  const period = '`s` timestamp(6) GENERATED ALWAYS AS ROW START, `e` timestamp(6) GENERATED ALWAYS AS ROW END'
  const create = `CREATE TABLE \`v\` (\`id\` int NOT NULL, ${period}, PRIMARY KEY (\`id\`, \`e\`)) WITH SYSTEM VERSIONING;`
  const [table] = tablesOfDump(`-- MariaDB dump 10.19\n-- Server version\t11.8.2-MariaDB\nUSE shop;\n${create}`)
  expect(table!.key.map((index) => table!.columns[index]!.name)).toEqual(['id'])
  expect(table!.columns.map(({ unlogged }) => unlogged)).toEqual([undefined, undefined, undefined])
})

test('A dump names its database by USE, by --databases or by its comment, and MariaDB keeps JSON as text', () => {
  const create = 'CREATE TABLE `t` (`id` int NOT NULL, `doc` json, PRIMARY KEY (`id`));'
  const named = (sql: string): string[] => tablesOfDump(sql).map(({ schema, name }) => `${schema}.${name}`)
  expect(named(`USE \`a\`;\n${create}\nUSE b;\n${create}`)).toEqual(['a.t', 'b.t'])
  expect(named(`-- Host: h    Database: c\n${create}`)).toEqual(['c.t'])
  expect(named(create)).toEqual(['.t'])
  const [, doc] = tablesOfDump(`-- MariaDB dump 10.19\n${create}`)[0]!.columns
  expect(doc!.type).toBe(252)
  expect(tablesOfDump(create)[0]!.columns[1]!.type).toBe(245)
})
