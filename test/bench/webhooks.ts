import { performance } from 'node:perf_hooks'
import { Pool } from 'undici'
import { Daemon, eventually } from '../support/daemon.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { createTable, insertRows, updateRows } from './dataset.ts'
import type { Row } from './report.ts'
import type { SqlServer } from './servers.ts'

const LANES = 16

/** One request per changed row to a local server, beside as many requests of the same shape over as many connections. */
export async function webhooks(sql: SqlServer, rows: number): Promise<Row[]> {
  await createTable(sql)
  await insertRows(sql, rows)
  await using receiver = await WebhookReceiver.start()
  const rules = `rules:
  - id: hook
    table: shop.big
    events: [UPDATE]
    actions:
      - {type: webhook, url: "${receiver.url}/", batch: never, body: {id: "{{id}}", status: "{{new.status}}"}}
`
  await using _bingo = await Daemon.start({ rules, sourceUrl: sql.url })
  const begun = performance.now()
  await updateRows(sql, rows, true)
  await eventually('every webhook arrived', () => receiver.requests.length >= rows, 600_000)
  const bingoRate = rows / ((performance.now() - begun) / 1000)
  const plainRate = await plainLoad(receiver.url, rows)
  return [
    {
      section: 'e webhooks',
      name: 'one request per row',
      value: bingoRate,
      unit: 'requests/s',
      baseline: { name: 'plain load', value: plainRate },
    },
  ]
}

async function plainLoad(url: string, requests: number): Promise<number> {
  const pool = new Pool(url, { connections: LANES })
  const headers = { 'content-type': 'application/json' }
  let next = 0
  const begun = performance.now()
  const worker = async () => {
    while (next < requests) {
      const body = JSON.stringify({ id: next++, status: 1 })
      const response = await pool.request({ path: '/', method: 'POST', headers, body })
      await response.body.dump()
    }
  }
  await Promise.all(Array.from({ length: LANES }, worker))
  const rate = requests / ((performance.now() - begun) / 1000)
  await pool.close()
  return rate
}
