import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { runCli } from '../../../../src/cli/program.ts'
import { apiListener } from '../../../../src/ops/api/app.ts'
import { apiDeps } from '../../../support/events-api.ts'
import { MemorySagas } from '../../../support/sagas/memory-operations.ts'
import { sagaPlan, stepPlan } from '../../../support/sagas/plans.ts'

const PLAN = sagaPlan([[stepPlan('reserve')], [stepPlan('charge', { confirms: true })]])
let sagas: MemorySagas
let printed: string

beforeEach(async () => {
  sagas = new MemorySagas(PLAN)
  const server = createServer(apiListener({ ...apiDeps({ tokens: [] }).deps, sagas: () => sagas }))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  vi.stubEnv('BINGO_HTTP_LISTEN', `127.0.0.1:${(server.address() as AddressInfo).port}`)
  printed = ''
  const keep = (chunk: unknown): boolean => {
    printed += String(chunk)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(keep)
  vi.spyOn(process.stderr, 'write').mockImplementation(keep)
  return () => server.close()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

async function bingo(...args: string[]): Promise<{ code: number; lines: string[] }> {
  printed = ''
  const code = await runCli(['node', 'bingo', 'sagas', ...args])
  return { code, lines: printed.trimEnd().split('\n') }
}

test('Instances are listed with where they are, by their status, and as JSON', async () => {
  for (const key of ['o-1', 'o-2']) sagas.start(key)
  sagas.apply('o-2', { tag: 'complete' })
  expect(await bingo('list')).toEqual({
    code: 0,
    lines: [
      'STARTED                   STATUS     SAGA   KEY  AT                 ERROR',
      '2025-11-24T16:00:00.000Z  running    order  o-1  reserve (sending)',
      '2025-11-24T16:00:00.000Z  completed  order  o-2',
    ],
  })
  expect((await bingo('list', '--status', 'completed')).lines).toHaveLength(2)
  expect((await bingo('list', '--key', 'x')).lines).toHaveLength(1)
  const { lines } = await bingo('list', '--json', '--limit', '1')
  expect(JSON.parse(lines[0]!)).toMatchObject({ sagas: [{ key: 'o-1' }] })
  expect((await bingo('list', '--status', 'finished')).code).toBe(2)
})

test('An instance is shown with its steps, and changed by retry, skip, compensate and complete', async () => {
  sagas.start('o/1')
  expect((await bingo('show', 'order', 'o/1')).lines.slice(0, 4)).toEqual([
    'order o/1: running, started 2025-11-24T16:00:00.000Z by orders.order.create (e1)',
    '  STEP     STATUS   SENT  UNDONE  NEXT  ERROR',
    '  reserve  sending     1       0',
    '  charge   pending     0       0',
  ])
  expect((await bingo('skip', 'order', 'o/1', '--step', 'reserve')).lines[2]).toMatch(/reserve +done/)
  expect((await bingo('retry', 'order', 'o/1')).lines[3]).toMatch(/charge +sending/)
  const compensated = await bingo('compensate', 'order', 'o/1', '--reason', 'by request')
  expect(compensated.lines.slice(0, 2)).toEqual([
    'order o/1: compensating, started 2025-11-24T16:00:00.000Z by orders.order.create (e1)',
    '  error: BINGO_SAGA_CANCELLED by request',
  ])
  expect((await bingo('complete', 'order', 'o/1', '--json')).lines[0]).toContain('"status":"compensated"')
})

test('What is unknown or cannot be changed is an error under its code', async () => {
  sagas.start('o-1')
  sagas.apply('o-1', { tag: 'complete' })
  const unknown = await bingo('show', 'order', 'o-9')
  expect([unknown.code, unknown.lines.join('\n')]).toEqual([1, expect.stringContaining('BINGO_SAGA_UNKNOWN')])
  const ended = await bingo('retry', 'order', 'o-1')
  expect([ended.code, ended.lines.join('\n')]).toEqual([1, expect.stringContaining('BINGO_SAGA_NOT_CHANGED')])
})
