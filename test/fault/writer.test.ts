import { expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { Writer } from './writer.ts'

/** Hang detection, not a measure of speed. */
const PATIENCE_MS = 120_000
const KINDS =
  'xa_prepare xa_commit xa_rollback delete insert rollback rollback_to_savepoint update commit alter_table rename_table'.split(
    ' ',
  )

test('the writer makes every kind of transaction, and outlives the server that it writes to', async () => {
  await using mysql = await startMysql({ gtid: true })
  const options = { connect: () => mysql.connect(), seed: 1, sessions: 4, keys: 20, pauseMs: 0, ddlPauseMs: 50 }
  const writer = new Writer(options)
  await writer.prepare()
  await writer.insertRows()
  writer.start()
  const made = async (kinds: readonly string[]): Promise<boolean> => {
    const statements = await statementsSinceRestart(mysql)
    return kinds.every((kind) => (statements.get(kind) ?? 0) > 0)
  }
  await eventually('something is committed', () => made(['commit']), PATIENCE_MS)
  await mysql.kill('SIGKILL')
  await mysql.restart()
  await eventually('every kind of statement is made', () => made(KINDS), PATIENCE_MS)
  await writer.stop()
  const final = await writer.finalState()
  expect(final.size).toBe(2 * options.keys)
  // Which keys have had their turn by then is chance.
  expect(Math.max(...final.values())).toBeGreaterThan(1)
})

async function statementsSinceRestart(mysql: Awaited<ReturnType<typeof startMysql>>): Promise<Map<string, number>> {
  const rows = await mysql.query<{ Variable_name: string; Value: string }>("SHOW GLOBAL STATUS LIKE 'Com\\\\_%'")
  return new Map(rows.map((row) => [row.Variable_name.slice('Com_'.length), Number(row.Value)]))
}
