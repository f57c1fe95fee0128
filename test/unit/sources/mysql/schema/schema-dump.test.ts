import { PLAIN_SESSION } from '../../../../../src/sources/mysql/sql/tokens.ts'
import { describe, expect, it } from 'vitest'
import type { WireTable } from '../../../../../src/model/source/binlog-stream.ts'
import { schemaFromDump } from '../../../../../src/sources/mysql/schema/schema-dump.ts'

const DUMP = `
-- MySQL dump 10.13; not a statement
/*!40101 SET NAMES utf8mb4 */;
CREATE DATABASE /*!32312 IF NOT EXISTS*/ \`shop\` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;
USE \`shop\`;
DROP TABLE IF EXISTS \`users\`;
CREATE TABLE \`users\` (
  \`id\` int unsigned NOT NULL AUTO_INCREMENT,
  \`na;me\` varchar(30) COLLATE utf8mb4_general_ci DEFAULT 'a;b, (c' COMMENT 'it''s; -- odd',
  \`price\` decimal(10,2) NOT NULL DEFAULT '0.00',
  \`kind\` enum('a','it''s','c,d') CHARACTER SET latin1 DEFAULT NULL,
  \`at\` datetime(6) NOT NULL,
  \`hidden\` int DEFAULT NULL /*!80023 INVISIBLE */,
  PRIMARY KEY (\`id\`,\`at\`),
  KEY \`na\` (\`na;me\`(10))
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
`

const users: WireTable = {
  schema: 'shop',
  name: 'users',
  flavour: 'mysql',
  types: Uint8Array.of(3, 15, 246, 247, 18, 3),
  metas: [0, 120, (10 << 8) | 2, 1, 6, 0],
  nullable: [false, true, false, true, false, true],
  unsigned: null,
  collations: null,
}

describe('schemaFromDump', () => {
  it('names columns, signs, values, collations, key and visibility', async () => {
    const { columns, key } = await schemaFromDump(DUMP).resolve(users)
    expect(columns.map(({ name }) => name)).toEqual(['id', 'na;me', 'price', 'kind', 'at', 'hidden'])
    expect(columns.map(({ unsigned }) => unsigned)).toEqual([true, false, false, false, false, false])
    expect(columns[3]?.values).toEqual(['a', "it's", 'c,d'])
    expect(columns.map(({ collation }) => collation)).toEqual([0, 45, 0, 8, 0, 0])
    expect(columns.map(({ visible }) => visible)).toEqual([true, true, true, true, true, false])
    expect(key).toEqual([0, 4])
  })

  it('takes a dump that does not name its database', async () => {
    const { columns } = await schemaFromDump(DUMP.replace('USE `shop`;', '')).resolve(users)
    expect(columns).toHaveLength(6)
  })

  it.each([
    ['a column more', { types: Uint8Array.of(3, 15, 246, 247, 18), metas: [0, 120, 2562, 1, 6] }, '6 columns'],
    ['another type', { types: Uint8Array.of(8, 15, 246, 247, 18, 3) }, 'type code 8'],
    ['another length', { metas: [0, 80, 2562, 1, 6, 0] }, 'length'],
    ['another precision', { metas: [0, 120, 2562, 1, 3, 0] }, 'precision'],
    ['NOT NULL', { nullable: [false, false, false, true, false, true] }, 'NULL'],
    ['another sign', { unsigned: [false, false, false, false, false, false] }, 'UNSIGNED'],
    ['another name', { name: 'orders' }, 'no CREATE TABLE'],
  ])('refuses a table that differs by %s', (_, change, part) => {
    const resolve = (): unknown => schemaFromDump(DUMP).resolve({ ...users, ...change })
    expect(resolve).toThrow(expect.objectContaining({ code: 'BINGO_SCHEMA_UNKNOWN' }))
    expect(resolve).toThrow(part)
  })

  it('refuses a table after an ALTER, but not after a TRUNCATE or its own CREATE', async () => {
    const resolver = schemaFromDump(DUMP)
    const statement = { schema: 'shop', tables: [{ schema: 'shop', table: 'users' }], session: PLAIN_SESSION }
    resolver.invalidate({ ...statement, kind: 'truncate', sql: 'TRUNCATE users' })
    resolver.invalidate({ ...statement, kind: 'ddl', sql: 'CREATE TABLE users (id int)' })
    expect((await resolver.resolve(users)).columns).toHaveLength(6)
    resolver.invalidate({ ...statement, kind: 'ddl', sql: 'ALTER TABLE users RENAME COLUMN a TO b' })
    expect(() => resolver.resolve(users)).toThrow('ALTER TABLE')
  })
})

describe('schemaFromDump of MariaDB', () => {
  const versioned = (more: string): string =>
    `CREATE TABLE \`v\` (\`id\` int(11) NOT NULL, \`t\` text DEFAULT NULL${more}, PRIMARY KEY (\`id\`), UNIQUE KEY \`t\` (\`t\`) USING HASH) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 WITH SYSTEM VERSIONING;`
  const period = ', `s` timestamp(6) GENERATED ALWAYS AS ROW START, `e` timestamp(6) GENERATED ALWAYS AS ROW END'
  const wire: WireTable = {
    schema: 'shop',
    name: 'v',
    flavour: 'mariadb',
    types: Uint8Array.of(3, 252, 17, 17, 8),
    metas: [0, 2, 6, 6, 0],
    nullable: [false, true, false, false, true],
    unsigned: null,
    collations: null,
  }

  it('knows hidden columns of versioned tables and long unique keys', async () => {
    const table = await schemaFromDump(versioned('')).resolve(wire)
    expect(table.columns.map(({ name }) => name)).toEqual(['id', 't'])
    expect(table.hidden?.map(({ name }) => name)).toEqual(['row_start', 'row_end', 'DB_ROW_HASH_1'])
    expect([table.key, table.rowEnd]).toEqual([[0], 3])
  })

  it('refuses what it does not know behind the declared columns', () => {
    const types = Uint8Array.of(3, 252, 17, 17, 8, 8)
    const more = { ...wire, types, metas: [...wire.metas, 0], nullable: [...wire.nullable, true] }
    expect(() => schemaFromDump(versioned('')).resolve(more)).toThrow(/2 columns now, the event has 6/)
  })

  it('adds to files with full metadata what they do not tell', async () => {
    const plain = { type: 3, meta: 0, nullable: false, unsigned: false, collation: 0, visible: true }
    const end = { ...plain, name: 'e', type: 17, meta: 6 }
    const columns = [
      { ...plain, name: 'id' },
      { ...plain, name: 't', type: 252, meta: 2 },
      { ...end, name: 's' },
      end,
      { ...plain, name: 'DB_ROW_HASH_1', type: 8 },
    ]
    const full = { schema: 'shop', name: 'v', columns, key: [0, 3], flavour: 'mariadb' as const }
    const table = await schemaFromDump(versioned(period)).enrich!(full)
    expect(table.columns.map(({ name }) => name)).toEqual(['id', 't', 's', 'e'])
    expect([table.key, table.rowEnd, table.hidden?.length]).toEqual([[0], 3, 1])
  })
})
