import { startMysql } from '../../support/servers/mysql.ts'
import { arrivalOf, breakable } from './outlet.ts'
import type { Note, Outlet } from './outlet.ts'

const TABLE = `CREATE TABLE audit.arrivals
  (place INT AUTO_INCREMENT PRIMARY KEY, \`key\` VARCHAR(200), seq INT, id VARCHAR(100))`

/** A server of its own, without a binlog: nothing but a place to write to. */
export async function startSqlTable(): Promise<Outlet> {
  const server = await startMysql({ args: ['--skip-log-bin'] })
  await server.query('CREATE DATABASE audit')
  await server.query(TABLE)
  const statement = 'INSERT INTO arrivals (`key`, seq, id) VALUES (?, ?, ?)'
  const params = '["{{id}}", "{{new.seq}}", "{{event.id}}"]'
  return {
    name: 'sql',
    keeps: 'history',
    action: `{type: sql, url: "${server.url}/audit", statement: "${statement}", params: ${params}}`,
    ...breakable(server),
    arrivals: async () =>
      (await server.query<Note>('SELECT `key`, seq, id FROM audit.arrivals ORDER BY place')).map(arrivalOf),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}
