/** Run as a process: publishes what an outbox on PostgreSQL holds, by appending `AGGREGATE NUMBER` of each to a file, without end. */
import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { createOutbox } from '../../src/outbox/outbox.ts'
import { sqlOutbox } from '../../src/outbox/sql.ts'

const [url, table, file] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url })
const outbox = createOutbox(sqlOutbox(pool, { table }))
const processor = outbox.processor({
  publish: async ({ aggregateId, payload }) => {
    await delay(2)
    appendFileSync(file!, `${aggregateId} ${(payload as { number: number }).number}\n`)
  },
  batch: 20,
  pollMs: 20,
  leaseMs: 3_000,
})
processor.start()
