import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const SCRIPT = fileURLToPath(new URL('../../../examples/shop-with-broker.ts', import.meta.url))

test('The shop of the example takes orders, and its handlers do what comes after them', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [SCRIPT])
  expect(stderr).toBe('')
  const lines = stdout.split('\n')
  expect(lines.filter((line) => line.startsWith('mail'))).toEqual([
    'mail to user ada: order 1 confirmed (attempt 2, caused by the order)',
    'mail to user ada: order 2 rejected (attempt 1, caused by the order)',
  ])
  expect(lines.filter((line) => line === 'audit: db.stock.update for user ada')).toHaveLength(2)
  expect(lines.slice(-3)).toEqual([
    'GET /orders: [{"id":1,"product":"tea","amount":2,"status":"confirmed"},{"id":2,"product":"tea","amount":2,"status":"rejected"}]',
    'stopped with 0 events left',
    '',
  ])
})
