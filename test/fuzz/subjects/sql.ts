import { BingoError } from '../../../src/model/errors.ts'
import type { SqlSession } from '../../../src/model/source/binlog-stream.ts'
import { EventType } from '../../../src/sources/mysql/binlog/format/event-types.ts'
import { StatementReader } from '../../../src/sources/mysql/binlog/statement-text.ts'
import { columnEffect } from '../../../src/sources/mysql/schema/column-effect.ts'
import { readAnyhow, readStatement } from '../../../src/sources/mysql/sql/statement.ts'
import type { Statement } from '../../../src/sources/mysql/sql/meaning.ts'
import type { Random } from '../../support/random-tables.ts'
import { mutateText } from '../mutate-text.ts'
import type { FuzzSubject } from '../subject.ts'

/** Statements that change the table `t`, and what they are to a reader. */
const CHANGES: readonly (readonly [string, Statement['tag']])[] = [
  ['TRUNCATE TABLE t', 'ddl'],
  ['ALTER TABLE t RENAME COLUMN a TO b', 'ddl'],
  ['DROP TABLE IF EXISTS t, `x``y`', 'ddl'],
  ['RENAME TABLE t TO u, db.v TO w', 'ddl'],
  ['CREATE OR REPLACE TABLE t (a INT) AS SELECT 1 AS a', 'ddl'],
  ['CREATE UNIQUE INDEX i ON t (a)', 'ddl'],
  ["INSERT INTO t VALUES ('it''s', 2)", 'rowsUnseen'],
  ['UPDATE t SET a = (SELECT 1)', 'rowsUnseen'],
  ['DELETE FROM t WHERE a = 1', 'rowsUnseen'],
  ["REPLACE t SELECT 'x;y'", 'rowsUnseen'],
  ["LOAD DATA INFILE 'f' INTO TABLE t", 'rowsUnseen'],
  ['CALL p(1)', 'rowsUnseen'],
  ['WITH c AS (SELECT 1) DELETE FROM t', 'rowsUnseen'],
  ['BEGIN NOT ATOMIC DELETE FROM t; END', 'ddl'],
]
const CHANGING_CLAUSES = [
  'ADD c INT',
  'ADD COLUMN `index` INT FIRST',
  'DROP c',
  'DROP PRIMARY KEY',
  'CHANGE a b BIGINT',
  'MODIFY a INT AFTER b',
  'RENAME COLUMN a TO b',
  'RENAME TO u',
  'ADD CONSTRAINT k PRIMARY KEY (a)',
  'CONVERT TO CHARACTER SET latin1',
  'ALTER COLUMN a SET INVISIBLE',
]
const HARMLESS_CLAUSES = [
  'ADD INDEX i (a, b)',
  "COMMENT='it''s, drop a'",
  'ENGINE=InnoDB ROW_FORMAT=DYNAMIC',
  'AUTO_INCREMENT 7',
  'DROP KEY `i`',
  'RENAME INDEX i TO j',
  'ALTER a SET DEFAULT 5',
  'ALGORITHM=INPLACE',
]
const TOKENS = [
  'SET STATEMENT a=1 FOR ',
  'ANALYZE ',
  'FORMAT=JSON ',
  'FOR ',
  '/*! ',
  '/*!50000 ',
  '/*M! ',
  '*/ ',
  '/* ',
  '-- x\n',
  '# x\n',
  '(',
  ')',
  ',',
  ';',
  '`',
  '"',
  "'",
  '\\',
  '\ufffd',
  'ä',
  'IF NOT EXISTS ',
  'TO ',
  'LIKE ',
  'PARTITION ',
  'CONSTRAINT PRIMARY KEY ',
  'START TRANSACTION ',
  'DEFAULT ',
  'ENUM(',
  'PRIMARY KEY ',
]

function session(random: Random): SqlSession {
  return {
    ansiQuotes: random.chance(50),
    backslashEscapes: random.chance(50),
    mariadbComments: random.chance(50),
    foldNames: random.chance(50),
  }
}

/** The same statement with more around it, as servers take it. */
function wrapped(inner: string, { mariadbComments }: SqlSession, random: Random): string {
  let sql = inner
  for (let layers = random.below(6); layers > 0; layers--) {
    const isStatement = !sql.startsWith('BEGIN')
    switch (random.below(isStatement ? 7 : 4)) {
      case 0:
        sql = `/* ${random.pick(['', 'hello', "it's", '`', '"', 'FOR'])} */ ${sql}`
        break
      case 1:
        sql = `${random.pick(['-- x\n', '#`\n', '\t\n', '--\t"\n'])}${sql}`
        break
      case 2:
        sql = `/*!${random.pick(['', '50000', '100100'])} ${sql} */`
        break
      case 3:
        if (mariadbComments) sql = `/*M!${random.pick(['', '100100'])} ${sql}*/`
        break
      case 4:
        sql = `SET STATEMENT ${random.pick(['max_statement_time=60', "a='for'", 'a=(SELECT 1 FOR UPDATE), b=2', '`for`=1', "sql_mode='ANSI_QUOTES'"])} FOR ${sql}`
        break
      case 5:
        sql = `set\nstatement lock_wait_timeout = 1 for ${sql}`
        break
      default:
        sql = `ANALYZE ${random.pick(['', 'FORMAT=JSON ', 'format = traditional '])}${sql}`
    }
  }
  return sql
}

/** Whatever stands around a statement that changes a table, it is never taken for one that does not. */
function attemptWrapped(random: Random): void {
  const [inner, tag] = random.pick(CHANGES)
  const how = session(random)
  const sql = wrapped(inner, how, random)
  const read = readStatement(sql, 'db', how)
  const anyTable = read.tag === 'ddl' && read.statement.tables.length === 0
  if (read.tag !== tag && !anyTable) throw new Error(`${JSON.stringify(sql)} was taken for ${read.tag}`)
  if (tag !== 'ddl' || read.tag !== 'ddl' || anyTable) return
  if (!read.statement.tables.some(({ table }) => table === 't'))
    throw new Error(`${JSON.stringify(sql)} lost its table`)
}

/** One clause that changes columns among others that do not is never overlooked. */
function attemptAlter(random: Random): void {
  const clauses = Array.from({ length: random.below(5) }, () => random.pick(HARMLESS_CLAUSES))
  clauses.splice(random.below(clauses.length + 1), 0, random.pick(CHANGING_CLAUSES))
  const how = session(random)
  const sql = wrapped(`ALTER TABLE t ${clauses.join(', ')}`, how, random)
  const { tag } = columnEffect({ kind: 'ddl', schema: 'db', tables: [], sql, session: how })
  if (tag !== 'changed') throw new Error(`${JSON.stringify(sql)} was taken to leave the columns ${tag}`)
}

function attemptMutated(random: Random): void {
  const alter = `ALTER TABLE t ${random.pick(HARMLESS_CLAUSES)}, ${random.pick(CHANGING_CLAUSES)}`
  const create =
    "CREATE TABLE t (id INT UNSIGNED NOT NULL DEFAULT '1' COMMENT 'x', e ENUM('a', 'b') CHARSET latin1, PRIMARY KEY (id)) ENGINE=InnoDB COMMENT='x'"
  const how = session(random)
  const sql = mutateText(random.pick([random.pick(CHANGES)[0], alter, create]), random, TOKENS)
  const read = readStatement(sql, 'db', how)
  if (read.tag === 'ddl') columnEffect(read.statement)
  readAnyhow({ sql, schema: 'db', session: how })
}

/** Bodies of QUERY events with any status variables and in any character set. */
function attemptBytes(random: Random): void {
  const reader = new StatementReader(random.pick(['mysql', 'mariadb']), () => random.chance(50))
  const charset = Buffer.from([4, random.below(256), random.below(9), 0, 0, 0, 0])
  const mode = Buffer.from([1, random.below(256), 0, random.below(256), 0, 0, 0, 0, 0])
  const noise = Buffer.from(Array.from({ length: random.below(12) }, () => random.below(256)))
  const vars = Buffer.concat(random.chance(70) ? [mode, charset, noise] : [noise, charset, mode])
  const head = Buffer.alloc(13)
  head[8] = random.chance(90) ? 2 : random.below(256)
  head.writeUInt16LE(random.chance(90) ? vars.length : random.below(65_536), 11)
  const text = Buffer.from(mutateText(random.pick(CHANGES)[0], random, TOKENS), random.pick(['utf8', 'latin1']))
  const body = Buffer.concat([head, vars, Buffer.from('db\0'), text])
  try {
    reader.query(random.pick([EventType.QUERY, EventType.MARIADB_QUERY_COMPRESSED]), body, 0, body.length)
    reader.loadQuery(body, 0, body.length)
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
  }
}

export const sql: FuzzSubject = {
  name: 'sql',
  attempt(random) {
    random.pick([attemptWrapped, attemptAlter, attemptMutated, attemptBytes])(random)
  },
}
