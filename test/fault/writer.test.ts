import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startMysql } from '../support/servers/mysql.ts'
import { Writer } from './writer.ts'

test('the writer makes every kind of transaction, and outlives the server that it writes to', async () => {
  await using mysql = await startMysql({ gtid: true })
  const options = { connect: () => mysql.connect(), seed: 1, sessions: 4, keys: 20, pauseMs: 0, ddlPauseMs: 50 }
  const writer = new Writer(options)
  await writer.prepare()
  await writer.insertRows()
  writer.start()
  await delay(1_000)
  await mysql.kill('SIGKILL')
  await mysql.restart()
  await delay(1_000)
  await writer.stop()
  const final = await writer.finalState()
  expect(final.size).toBe(2 * options.keys)
  for (const seq of final.values()) expect(seq).toBeGreaterThan(1)
  const statements = await statementsSinceRestart(mysql)
  const kinds = ['xa_prepare', 'xa_commit', 'xa_rollback', 'delete', 'insert', 'rollback', 'rollback_to_savepoint']
  for (const kind of [...kinds, 'update', 'commit', 'alter_table', 'rename_table']) {
    expect(statements.get(kind) ?? 0, kind).toBeGreaterThan(0)
  }
})

async function statementsSinceRestart(mysql: Awaited<ReturnType<typeof startMysql>>): Promise<Map<string, number>> {
  const rows = await mysql.query<{ Variable_name: string; Value: string }>("SHOW GLOBAL STATUS LIKE 'Com\\\\_%'")
  return new Map(rows.map((row) => [row.Variable_name.slice('Com_'.length), Number(row.Value)]))
}
