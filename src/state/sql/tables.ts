import type { Migrations } from '../../clients/sql/migrate.ts'
import type { SqlDialect } from '../../clients/sql/session.ts'

/**
 * The tables of state in a MySQL, MariaDB or PostgreSQL. Many instances share them (a worker has one per share), so rows carry
 * the number of theirs. Its row in `bingo_instances` is what every change of its dead letters and waiting events locks first:
 * one after the other, without deadlocks, and places grow in the order in which they are committed.
 */
export function stateMigrations(dialect: SqlDialect): Migrations {
  const isMysql = dialect === 'mysql'
  // MySQL's texts have a collation, in which different ones may be equal: bytes have none.
  const text = isMysql ? 'BLOB' : 'TEXT COLLATE "C"'
  const long = isMysql ? 'LONGBLOB' : 'TEXT COLLATE "C"'
  const hash = isMysql ? 'CHAR(22) CHARACTER SET ascii COLLATE ascii_bin' : 'TEXT COLLATE "C"'
  const float = isMysql ? 'DOUBLE' : 'DOUBLE PRECISION'
  const id = isMysql ? 'BIGINT AUTO_INCREMENT PRIMARY KEY' : 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY'
  const end = isMysql ? ' ENGINE = InnoDB ROW_FORMAT = DYNAMIC' : ''
  /** MySQL commits with each CREATE: an index that has a statement of its own could not be repeated. */
  const table = (name: string, columns: string, indexes: readonly (readonly [name: string, of: string])[] = []) => [
    `CREATE TABLE IF NOT EXISTS ${name} (${columns}${isMysql ? indexes.map(([key, of]) => `, KEY ${key} (${of})`).join('') : ''})${end}`,
    ...(isMysql ? [] : indexes.map(([key, of]) => `CREATE INDEX IF NOT EXISTS ${name}_${key} ON ${name} (${of})`)),
  ]
  return {
    component: 'state',
    versions: [
      [
        ...table(
          'bingo_instances',
          `id ${id}, name_hash ${hash} NOT NULL UNIQUE, name ${text} NOT NULL, waiting_seq BIGINT NOT NULL,
          letters BIGINT NOT NULL, letter_bytes BIGINT NOT NULL`,
        ),
        ...table(
          'bingo_state',
          `instance BIGINT NOT NULL, name_hash ${hash} NOT NULL, name ${text} NOT NULL, version BIGINT NOT NULL,
          value ${long} NOT NULL, PRIMARY KEY (instance, name_hash)`,
        ),
        ...table(
          'bingo_leases',
          `instance BIGINT NOT NULL, name_hash ${hash} NOT NULL, name ${text} NOT NULL, holder ${text} NOT NULL,
          until_ms BIGINT NOT NULL, ttl_ms BIGINT NOT NULL, released INT NOT NULL, PRIMARY KEY (instance, name_hash)`,
        ),
        ...table(
          'bingo_dead_letters',
          `place ${id}, instance BIGINT NOT NULL, id_hash ${hash} NOT NULL, rule ${text} NOT NULL, schema_name ${text} NOT NULL,
          table_name ${text} NOT NULL, code ${text}, parked_hash ${hash}, parked_key ${long}, created_at ${float} NOT NULL,
          bytes BIGINT NOT NULL, body ${long} NOT NULL, UNIQUE (instance, id_hash)`,
          [
            ['in_order', 'instance, place'],
            ['parked', 'instance, parked_hash'],
          ],
        ),
        ...table(
          'bingo_waiting',
          `instance BIGINT NOT NULL, seq BIGINT NOT NULL, id_hash ${hash} NOT NULL, id ${text} NOT NULL, line ${hash} NOT NULL,
          shape ${hash} NOT NULL, row_hash ${hash}, row_key ${long} NOT NULL, base_ms ${float} NOT NULL, bytes BIGINT NOT NULL,
          event ${long} NOT NULL, rest ${long}, PRIMARY KEY (instance, seq), UNIQUE (instance, id_hash)`,
          [
            ['in_line', 'instance, line, seq'],
            ['of_row', 'instance, row_hash, seq'],
          ],
        ),
        ...table(
          'bingo_waiting_lines',
          `instance BIGINT NOT NULL, line ${hash} NOT NULL, name ${text} NOT NULL, records BIGINT NOT NULL,
          bytes BIGINT NOT NULL, PRIMARY KEY (instance, line)`,
        ),
        ...table(
          'bingo_waiting_shapes',
          `instance BIGINT NOT NULL, line ${hash} NOT NULL, shape ${hash} NOT NULL, body ${long} NOT NULL,
          PRIMARY KEY (instance, line, shape)`,
        ),
      ],
    ],
  }
}
