import { TriggerClient } from '@trigger.dev/sdk'
import { expect, onTestFinished, test, vi } from 'vitest'
import { apiListener } from '../../../../src/ops/api/app.ts'
import { HttpServer } from '../../../../src/ops/http-server.ts'
import { apiDeps } from '../../../support/events-api.ts'

const TOKEN = 'tr_dev_0123456789abcdef'

async function serve() {
  const tokens = [{ token: TOKEN, name: 'client', scopes: ['publish', 'read'] as const, environment: 'default' }]
  const { deps } = apiDeps({ tokens })
  const server = await HttpServer.open(
    { host: '127.0.0.1', port: 0, tokens: deps.tokens },
    {
      health: () => ({ ready: true, reasons: [], notes: [] }),
      metrics: async () => '',
      status: async () => ({}),
      resumeRule: () => false,
      setTargetPaused: () => Promise.resolve('unknown' as const),
      dropTarget: () => 'unknown',
      api: apiListener(deps),
    },
  )
  const apiUrl = `http://127.0.0.1:${server.port}`
  return { server, apiUrl, client: new TriggerClient({ id: 'shop', apiKey: TOKEN, apiUrl }) }
}

test('the public client of trigger.dev sends, reads and cancels events', async () => {
  const { server, client } = await serve()
  await using _server = server
  const sent = await client.sendEvent({ name: 'orders.order.create', payload: { total: 5 }, context: { by: 'me' } })
  expect(sent).toMatchObject({ name: 'orders.order.create', payload: { total: 5 }, context: { by: 'me' } })
  expect(sent.timestamp).toBeInstanceOf(Date)
  const both = await client.sendEvents([
    { id: 'first', name: 'a', payload: 1 },
    { id: 'second', name: 'b', payload: [2], source: 'frontend', timestamp: new Date('2026-11-28T10:00:00Z') },
  ])
  expect(both.map(({ id }) => id)).toEqual(['first', 'second'])
  expect(await client.getEvent('second')).toMatchObject({ id: 'second', name: 'b', runs: [] })

  const at = new Date(Date.now() + 3_600_000)
  const later = await client.sendEvent({ id: 'later', name: 'c', payload: null }, { deliverAt: at, accountId: 'acme' })
  expect(later.deliverAt).toEqual(at)
  expect((await client.cancelEvent('later')).cancelledAt).toBeInstanceOf(Date)
  const soon = await client.sendEvent({ id: 'soon', name: 'c', payload: {} }, { deliverAfter: 60 })
  expect(soon.deliverAt!.getTime()).toBeGreaterThan(Date.now() + 30_000)
})

test('the client is told what is wrong', async () => {
  // It sends again what was refused, six times, each later than the one before.
  const timer = globalThis.setTimeout
  onTestFinished(() => void vi.unstubAllGlobals())
  vi.stubGlobal('setTimeout', (fn: (...args: unknown[]) => void, ms: number, ...more: unknown[]) =>
    timer(fn, ms > 500 && more.length === 0 ? 0 : ms, ...more),
  )
  const { server, apiUrl, client } = await serve()
  await using _server = server
  await expect(client.sendEvent({ name: 'not a type', payload: 1 })).rejects.toThrow('$.event.name')
  await expect(client.getEvent('none')).rejects.toThrow('no such event')
  await client.sendEvent({ id: 'gone', name: 'a', payload: 1 })
  await expect(client.cancelEvent('gone')).rejects.toThrow('cannot be cancelled')
  const stranger = new TriggerClient({ id: 'shop', apiKey: 'tr_dev_wrong', apiUrl })
  await expect(stranger.sendEvent({ name: 'a', payload: 1 })).rejects.toThrow('token')
})
