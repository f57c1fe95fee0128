import type { Migrations } from '../../../clients/sql/migrate.ts'
import type { SqlDialect } from '../../../clients/sql/session.ts'

/** The tables of sagas in a MySQL, MariaDB or PostgreSQL. */
export function sagaMigrations(dialect: SqlDialect): Migrations {
  const isMysql = dialect === 'mysql'
  // MySQL's texts have a collation, in which different keys may be equal: bytes have none.
  const text = (bytes: number): string => (isMysql ? `VARBINARY(${bytes})` : 'TEXT COLLATE "C"')
  const long = isMysql ? 'LONGBLOB' : 'TEXT COLLATE "C"'
  const id = isMysql ? 'BIGINT AUTO_INCREMENT PRIMARY KEY' : 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY'
  const end = isMysql ? ' ENGINE = InnoDB ROW_FORMAT = DYNAMIC' : ''
  const indexes = [
    ['due', 'due_at'],
    ['flight', 'in_flight'],
    ['ended', 'ended_at'],
    ['started', 'started_at, id'],
    ['status', 'saga, status, started_at'],
    ['version', 'saga, version'],
  ] as const
  const columns = `id ${id}, saga ${text(256)} NOT NULL, saga_key ${text(2048)} NOT NULL, version ${text(64)} NOT NULL,
    status ${text(32)} NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT, due_at BIGINT, in_flight INT NOT NULL,
    revision BIGINT NOT NULL, body ${long} NOT NULL`
  // MySQL commits with each CREATE: an index that has a statement of its own could not be repeated.
  const inTable = isMysql ? indexes.map(([name, of]) => `, INDEX bingo_saga_${name} (${of})`).join('') : ''
  const apart = isMysql
    ? []
    : indexes.map(([name, of]) => `CREATE INDEX IF NOT EXISTS bingo_saga_${name} ON bingo_sagas (${of})`)
  const first = isMysql
    ? 'INSERT IGNORE INTO bingo_saga_leader VALUES (1, 0)'
    : 'INSERT INTO bingo_saga_leader VALUES (1, 0) ON CONFLICT DO NOTHING'
  return {
    component: 'sagas',
    versions: [
      [
        `CREATE TABLE IF NOT EXISTS bingo_sagas (${columns}, UNIQUE (saga, saga_key)${inTable})${end}`,
        ...apart,
        `CREATE TABLE IF NOT EXISTS bingo_saga_definitions (saga ${text(256)} NOT NULL, version ${text(64)} NOT NULL, body ${long} NOT NULL, PRIMARY KEY (saga, version))${end}`,
        `CREATE TABLE IF NOT EXISTS bingo_saga_leader (id INT PRIMARY KEY, epoch BIGINT NOT NULL)${end}`,
        first,
      ],
    ],
  }
}
