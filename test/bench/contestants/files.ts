import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPool } from 'mysql2/promise'
import { startMysql } from '../../support/servers/mysql.ts'
import { BODY, inPieces, json, message } from './contestant.ts'
import type { Contestant } from './contestant.ts'

const STATEMENT = 'INSERT INTO audit (id, status, event) VALUES (?, ?, ?)'
const PER_TRANSACTION = 500
const CONNECTIONS = 4

/** Prepared statements, five hundred to a transaction, on as many connections as BinGo opens. */
export const SQL: Contestant = {
  name: 'sql',
  rows: 50_000,
  async start() {
    const server = await startMysql({ args: ['--skip-log-bin'] })
    await server.query('CREATE DATABASE audit')
    await server.query(
      'CREATE TABLE audit.audit (place INT AUTO_INCREMENT PRIMARY KEY, id INT, status INT, event VARCHAR(100))',
    )
    const pool = createPool({ uri: `${server.url}/audit`, connectionLimit: CONNECTIONS })
    const params = '["{{id}}", "{{new.status}}", "{{event.id}}"]'
    return {
      action: `{type: sql, url: "${server.url}/audit", statement: "${STATEMENT}", params: ${params}}`,
      bare: (rows) =>
        inPieces(rows, PER_TRANSACTION, CONNECTIONS, async (from, to) => {
          const connection = await pool.getConnection()
          await connection.beginTransaction()
          for (let id = from; id < to; id++) await connection.execute(STATEMENT, [id, 1, message(id).event])
          await connection.commit()
          connection.release()
        }),
      async [Symbol.asyncDispose]() {
        await pool.end()
        await server.stop()
      },
    }
  },
}

/** Lines written a thousand at a time. */
export const LOG: Contestant = {
  name: 'log file',
  rows: 1_000_000,
  async start() {
    const folder = await mkdtemp(join(tmpdir(), 'bingo-bench-'))
    const file = await open(join(folder, 'bare'), 'a')
    return {
      action: `{type: log, path: "${join(folder, 'bingo')}", body: ${BODY}}`,
      bare: (rows) =>
        inPieces(rows, 1_000, 1, (from, to) => {
          let text = ''
          for (let id = from; id < to; id++) text += `${json(id)}\n`
          return file.write(text)
        }),
      async [Symbol.asyncDispose]() {
        await file.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  },
}
