import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { fileLines } from '../support/file-lines.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { withAllPlugins } from '../support/servers/mariadb-plugins.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { replicate, replicated } from '../support/servers/replication.ts'

const TRANSACTIONS = 60
const KEYS = 5
const SAFE = '--sync-binlog=1'

interface Payload {
  readonly n: number
}

const ofKey = (payloads: readonly Payload[], key: number): readonly Payload[] =>
  payloads.filter(({ n }) => n % KEYS === key)

async function mariadb(serverId: number, ...args: string[]): Promise<SqlServer> {
  const blackhole = '--plugin-load-add=ha_blackhole'
  return startMariadb({ serverId, args: [...(await withAllPlugins()), blackhole, SAFE, ...args] })
}

describe.each([
  [
    'MySQL',
    () => startMysql({ gtid: true, serverId: 1, args: [SAFE] }),
    () => startMysql({ gtid: true, serverId: 2, args: [SAFE] }),
  ],
  ['MariaDB', () => mariadb(1), () => mariadb(2, '--log-slave-updates')],
] as const)('the archive of an outbox without rows, on a replica of %s', (_name, startSource, startReplica) => {
  let source: SqlServer
  let replica: SqlServer
  beforeAll(async () => {
    ;[source, replica] = await Promise.all([startSource(), startReplica()])
    await replicate(source, replica)
  })
  afterAll(() => Promise.all([source?.stop(), replica?.stop()]))

  async function reading(from: SqlServer): Promise<{ daemon: Daemon; published: () => Promise<Payload[]> }> {
    const daemon = await Daemon.prepare({ rules: 'rules: []', sourceUrl: from.url })
    const config = join(daemon.folder, 'config.yaml')
    await writeFile(config, 'outbox: [{table: shop.outbox, after: none, to: {type: log, path: lines.jsonl}}]')
    daemon.spawn({ BINGO_CONFIG: config })
    await daemon.ready()
    const lines = join(daemon.folder, 'lines.jsonl')
    const published = async () => (await fileLines(lines)).map((line) => JSON.parse(line) as Payload)
    return { daemon, published }
  }

  test('has every entry that was committed and no other, while BinGo reads the source, or the replica', async () => {
    await source.query(`CREATE DATABASE shop;
      CREATE TABLE shop.orders (id INT PRIMARY KEY);
      CREATE TABLE shop.outbox (id CHAR(36) NOT NULL, aggregate_id VARCHAR(255), event_type VARCHAR(255),
        topic VARCHAR(255) NOT NULL, payload JSON NOT NULL, headers JSON) ENGINE = BLACKHOLE`)
    await replicated(source, replica)
    // As the page about the outbox says it.
    await replica.query('SET sql_log_bin = 0; ALTER TABLE shop.outbox ENGINE = InnoDB')
    const fromSource = await reading(source)
    await using _one = fromSource.daemon
    const fromReplica = await reading(replica)
    await using _two = fromReplica.daemon
    const committed: Payload[] = []
    for (let n = 1; n <= TRANSACTIONS; n++) {
      const isRolledBack = n % 7 === 0
      await source.query(`BEGIN; INSERT INTO shop.orders VALUES (${n});
        INSERT INTO shop.outbox (id, aggregate_id, topic, payload) VALUES (UUID(), 'order-${n % KEYS}', 'orders', '{"n": ${n}}');
        ${isRolledBack ? 'ROLLBACK' : 'COMMIT'}`)
      if (!isRolledBack) committed.push({ n })
    }
    await replicated(source, replica)
    for (const { published } of [fromSource, fromReplica]) {
      await eventually('all are published', async () => (await published()).length >= committed.length)
      // Order is that of the key.
      for (let key = 0; key < KEYS; key++) expect(ofKey(await published(), key)).toEqual(ofKey(committed, key))
    }
    const archive = await replica.query<{ payload: unknown; id: string }>('SELECT id, payload FROM shop.outbox')
    const payloads = archive.map(
      ({ payload }) => (typeof payload === 'string' ? JSON.parse(payload) : payload) as Payload,
    )
    expect(payloads.toSorted((a, b) => a.n - b.n)).toEqual(committed)
    expect(new Set(archive.map(({ id }) => id)).size).toBe(committed.length)
    expect(await source.query('SELECT COUNT(*) AS n FROM shop.outbox')).toMatchObject([{ n: 0 }])
    // What replication goes on with after a restart is the same.
    await replica.kill()
    await replica.restart()
    await source.query(`INSERT INTO shop.outbox (id, topic, payload) VALUES (UUID(), 'orders', '{"n": 1000}')`)
    await replicated(source, replica)
    expect(await replica.query('SELECT COUNT(*) AS n FROM shop.outbox')).toMatchObject([{ n: committed.length + 1 }])
  })
})
