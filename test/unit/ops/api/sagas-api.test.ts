import { expect, test } from 'vitest'
import { createApi } from '../../../../src/ops/api/app.ts'
import { apiDeps, TOKENS } from '../../../support/events-api.ts'
import { violations } from '../../../support/json-schema.ts'
import { MemorySagas } from '../../../support/sagas/memory-operations.ts'
import { sagaPlan, stepPlan } from '../../../support/sagas/plans.ts'
import type { JsonSchema } from '../../../../src/rules/schema/json-schema.ts'

const PLAN = sagaPlan([[stepPlan('reserve')], [stepPlan('charge', { confirms: true })]])

function api({ tokens = [] }: { tokens?: typeof TOKENS } = {}) {
  const sagas = new MemorySagas(PLAN)
  const app = createApi({ ...apiDeps({ tokens }).deps, sagas: () => sagas })
  const ask = async (
    path: string,
    { body, token, method = 'POST' }: { body?: object; token?: string; method?: string } = {},
  ) => {
    const response = await app.request(`/api/v1/sagas${path}`, {
      method:
        body === undefined && method === 'POST' && !/\/(retry|skip|complete|compensate)$/.test(path) ? 'GET' : method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as never }
  }
  return { sagas, app, ask }
}

test('Instances are listed by saga, status and the beginning of their key, a page at a time', async () => {
  const { sagas, ask } = api()
  for (const key of ['o-1', 'o-2', 'p-1']) sagas.start(key)
  sagas.apply('o-2', { tag: 'complete' })
  const keys = async (query: string) => {
    const { body } = await ask(query)
    const { sagas: listed, next } = body as { sagas: { key: string }[]; next: string | null }
    return [listed.map(({ key }) => key), next]
  }
  expect(await keys('')).toEqual([['o-1', 'o-2', 'p-1'], null])
  expect(await keys('?limit=2')).toEqual([['o-1', 'o-2'], '2'])
  expect(await keys('?limit=2&cursor=2')).toEqual([['p-1'], null])
  expect(await keys('?key=o-')).toEqual([['o-1', 'o-2'], null])
  expect(await keys('?status=completed')).toEqual([['o-2'], null])
  expect(await keys('?status=completed&status=running&saga=order')).toEqual([['o-1', 'o-2', 'p-1'], null])
  expect(await keys('?saga=other')).toEqual([[], null])
  expect(await ask('?status=finished')).toMatchObject({ status: 422, body: { path: '$.status' } })
})

test('An instance is shown with its event and its steps, as the document says', async () => {
  const { sagas, app, ask } = api()
  sagas.start('a/b %')
  sagas.apply('a/b %', {
    tag: 'answer',
    step: 'reserve',
    op: 'do',
    attempt: 1,
    outcome: { tag: 'done', value: { n: 1 } },
  })
  const { status, body } = await ask('/order/a%2Fb%20%25')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    saga: 'order',
    key: 'a/b %',
    status: 'running',
    startedAt: '2025-11-24T16:00:00.000Z',
    event: { type: 'orders.order.create', payload: { orderId: '17' } },
    steps: [
      { id: 'reserve', status: 'done', attempts: 1, output: { n: 1 } },
      { id: 'charge', status: 'sending', attempts: 1 },
    ],
  })
  const { components } = (await (await app.request('/openapi.json')).json()) as {
    components: { schemas: { [name: string]: JsonSchema } }
  }
  expect(violations(body, components.schemas['Saga']!)).toEqual([])
  expect(violations((await ask('')).body, components.schemas['Sagas']!)).toEqual([])
})

test('Operators retry, skip, complete and compensate, and what cannot be is refused with the reason', async () => {
  const { sagas, ask } = api({ tokens: TOKENS })
  const token = 'token-that-operates'
  const act = (path: string, body?: object) => ask(path, { token, ...(body !== undefined && { body }) })
  sagas.start('o-1')
  expect(await act('/order/o-1/skip', { step: 'reserve' })).toMatchObject({
    status: 200,
    body: { steps: [{ status: 'done' }, { status: 'sending' }] },
  })
  expect(await act('/order/o-1/retry')).toMatchObject({ status: 200 })
  expect(await act('/order/o-1/retry', { step: 'pack' })).toMatchObject({
    status: 409,
    body: { code: 'BINGO_SAGA_NOT_CHANGED' },
  })
  expect(await act('/order/o-1/compensate', { reason: 'the customer called' })).toMatchObject({
    status: 200,
    body: { status: 'compensating', failure: { code: 'BINGO_SAGA_CANCELLED', message: 'the customer called' } },
  })
  expect(await act('/order/o-1/complete')).toMatchObject({ status: 200, body: { status: 'compensated' } })
  expect(await act('/order/o-1/complete')).toMatchObject({
    status: 409,
    body: { error: 'the instance is compensated' },
  })
  expect(sagas.by).toEqual(Array(6).fill('ops'))
  expect(await act('/order/o-1/complete', { step: 'reserve' })).toMatchObject({ status: 422, body: { path: '$.step' } })
  expect(await act('/order/o-1/retry', { stp: 'reserve' })).toMatchObject({ status: 422, body: { path: '$.stp' } })
})

test('Instances that are unknown, of another environment, or asked for with too few rights are refused', async () => {
  const { sagas, ask } = api({ tokens: TOKENS })
  sagas.start('o-1')
  sagas.start('t-1', { environment: 'test' })
  const code = async (path: string, token: string) => ((await ask(path, { token })).body as { code: string }).code
  expect(await code('/order/o-9', 'token-that-reads')).toBe('BINGO_SAGA_UNKNOWN')
  expect(await code('/order/t-1', 'token-that-reads')).toBe('BINGO_SAGA_UNKNOWN')
  expect(await code('/order/t-1/complete', 'token-that-operates')).toBe('BINGO_SAGA_UNKNOWN')
  expect(await code('/order/o-1/complete', 'token-that-reads')).toBe('BINGO_HTTP_SCOPE')
  expect(await code('/order/o-1', 'token-that-publishes')).toBe('BINGO_HTTP_SCOPE')
  const { body } = await ask('', { token: 'token-of-the-tests' })
  expect((body as { sagas: { key: string }[] }).sagas.map(({ key }) => key)).toEqual(['t-1'])
})

test('An instance of BinGo that does not lead answers that it is not ready', async () => {
  const app = createApi({ ...apiDeps().deps, sagas: () => null })
  const response = await app.request('/api/v1/sagas')
  expect([response.status, await response.json()]).toMatchObject([503, { code: 'BINGO_SAGA_NOT_READY' }])
})
