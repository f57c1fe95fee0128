import { describe, expect, test } from 'vitest'
import type { DdlStatement } from '../../../../../src/model/source/binlog-stream.ts'
import { columnEffect } from '../../../../../src/sources/mysql/schema/column-effect.ts'
import type { ColumnEffect } from '../../../../../src/sources/mysql/schema/column-effect.ts'
import { PLAIN_SESSION } from '../../../../../src/sources/mysql/sql/tokens.ts'

function effectOf(sql: string, kind: DdlStatement['kind'] = 'ddl'): ColumnEffect {
  return columnEffect({ kind, schema: 'db', tables: [], sql, session: PLAIN_SESSION })
}

test.each([
  'ALTER TABLE t ADD INDEX i (a), ADD UNIQUE KEY u (b), ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id)',
  "ALTER TABLE t COMMENT='rename column a to b, drop column c'",
  'ALTER TABLE `t` ENGINE=InnoDB ROW_FORMAT=DYNAMIC, AUTO_INCREMENT = 100, ALGORITHM=INPLACE, LOCK=NONE',
  'alter online table if exists t wait 5 drop index i, drop foreign key f',
  'ALTER TABLE t RENAME INDEX a TO b, ALTER INDEX c INVISIBLE, ALTER COLUMN d SET DEFAULT 5, ALTER e DROP DEFAULT',
  'ALTER TABLE t ADD PARTITION (PARTITION p3 VALUES LESS THAN (40))',
  'ALTER TABLE t DROP PARTITION p0, p1',
  'ALTER TABLE t REORGANIZE PARTITION p0, p1 INTO (PARTITION p VALUES LESS THAN (9))',
  'ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u',
  'ALTER TABLE t PARTITION BY HASH (id) PARTITIONS 4',
  'ALTER TABLE t DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
  'ALTER TABLE t FORCE;',
  'CREATE UNIQUE INDEX i ON t (a)',
  'DROP INDEX i ON t',
  'SET STATEMENT max_statement_time=1 FOR ALTER TABLE t ADD KEY (a)',
])('%s leaves the columns alone', (sql) => {
  expect(effectOf(sql)).toEqual({ tag: 'kept' })
})

test('TRUNCATE leaves the columns alone', () => {
  expect(effectOf('TRUNCATE t', 'truncate')).toEqual({ tag: 'kept' })
})

test.each([
  'ALTER TABLE t ADD c INT',
  'ALTER TABLE t ADD INDEX i (a), RENAME COLUMN a TO b',
  'ALTER TABLE t ADD `index` INT',
  'ALTER TABLE t ADD PRIMARY KEY (a)',
  'ALTER TABLE t ADD CONSTRAINT PRIMARY KEY (a)',
  'ALTER TABLE t ADD CONSTRAINT c PRIMARY KEY (a)',
  'ALTER TABLE t DROP PRIMARY KEY',
  'ALTER TABLE t DROP INDEX `PRIMARY`',
  'ALTER TABLE t DROP CONSTRAINT `primary`',
  'DROP INDEX `PRIMARY` ON t',
  'ALTER TABLE t DROP a',
  'ALTER TABLE t MODIFY a BIGINT FIRST',
  'ALTER TABLE t CHANGE a b INT',
  'ALTER TABLE t ALTER COLUMN a SET INVISIBLE',
  'ALTER TABLE t CONVERT TO CHARACTER SET latin1',
  'ALTER TABLE t RENAME TO u',
  'ALTER TABLE t ADD SYSTEM VERSIONING',
  "ALTER TABLE t COMMENT='x' RENAME COLUMN a TO b",
  "ALTER TABLE t /*!50000 COMMENT='x', */ DROP a",
  'ALTER TABLE t SOMETHING NEW',
  'ALTER TABLE t',
  'RENAME TABLE t TO u',
  'DROP TABLE t',
  "SET STATEMENT sql_mode='' FOR ALTER TABLE t ADD KEY (a)",
])('%s may change them', (sql) => {
  expect(effectOf(sql)).toEqual({ tag: 'changed' })
})

describe('CREATE TABLE', () => {
  test('gives the columns and the key', () => {
    const effect = effectOf(
      `CREATE OR REPLACE TABLE x.t (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'a, b', \`na me\` VARCHAR(20) CHARACTER SET latin1 DEFAULT 'x)',
       price DECIMAL(10,2) DEFAULT -1.5, at DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), kind ENUM('a','b') NOT NULL,
       total INT GENERATED ALWAYS AS (price * 2) VIRTUAL, CONSTRAINT pk PRIMARY KEY (id, kind), KEY (price)) ENGINE=InnoDB, COMMENT='x' PARTITION BY HASH (id) PARTITIONS 4`,
    )
    if (effect.tag !== 'created') throw new Error(effect.tag)
    expect(effect.table).toEqual({ schema: 'x', table: 't' })
    expect(effect.declared.key).toEqual(['id', 'kind'])
    expect(effect.declared.columns.map(({ name, dataType, nullable }) => [name, dataType, nullable])).toEqual([
      ['id', 'bigint', false],
      ['na me', 'varchar', true],
      ['price', 'decimal', true],
      ['at', 'datetime', true],
      ['kind', 'enum', false],
      ['total', 'int', true],
    ])
    expect(effect.declared.columns.map(({ octetLength, collation }) => [octetLength, collation])[1]).toEqual([20, 8])
  })

  test('leaves the character set open where it is that of the database', () => {
    const effect = effectOf('CREATE TABLE t (a VARCHAR(20), b CHAR(5) CHARSET utf8mb4)')
    if (effect.tag !== 'created') throw new Error(effect.tag)
    expect(effect.declared.columns.map(({ octetLength, collation }) => [octetLength, collation])).toEqual([
      [null, 0],
      [20, 45],
    ])
  })

  test('LIKE another one gives the columns of that', () => {
    const copied = { tag: 'copied', table: { schema: 'db', table: 't' }, from: { schema: 'x', table: 's' } }
    expect(effectOf('CREATE TABLE t LIKE x.s')).toEqual(copied)
    expect(effectOf('CREATE TABLE t (LIKE x.s)')).toEqual(copied)
  })

  test('IF NOT EXISTS may find a table with other columns', () => {
    expect(effectOf('CREATE TABLE IF NOT EXISTS t (id INT)')).toEqual({ tag: 'keptIfExists' })
  })

  test.each([
    'CREATE TABLE t (a INT) AS SELECT 1 AS b',
    'CREATE TABLE t (a INT) SELECT * FROM s',
    'CREATE TABLE t (a INT) IGNORE SELECT 1',
    'CREATE TABLE t (a INT) ENGINE=InnoDB SELECT b FROM s',
    'CREATE TABLE t (a INT) PARTITION BY HASH (a) PARTITIONS 2 SELECT 1',
    'CREATE TABLE t AS SELECT 1',
    'CREATE TABLE t (a CHAR(5) BYTE)',
    'CREATE TABLE t (a NATIONAL CHAR(5))',
    'CREATE TABLE t (a VARCHAR(5) BINARY)',
    'CREATE TABLE t (a INT KEY)',
    'CREATE TABLE t (a SERIAL)',
    'CREATE TABLE t (a INT PRIMARY KEY, b INT, PRIMARY KEY (b))',
    'CREATE TABLE t (a INT, PERIOD FOR SYSTEM_TIME (b, c)) WITH SYSTEM VERSIONING',
    'CREATE TABLE t (a INT NEW_ATTRIBUTE)',
    'CREATE TABLE t (a INT',
    "CREATE TABLE t (a ENUM('a\\\\tb'))",
    "CREATE TABLE t (a ENUM('a '))",
    "CREATE TABLE t (a SET(x'61'))",
  ])('%s is not understood', (sql) => {
    expect(effectOf(sql)).toEqual({ tag: 'changed' })
  })
})
