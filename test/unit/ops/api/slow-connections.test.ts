import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { apiListener } from '../../../../src/ops/api/app.ts'
import { HttpServer } from '../../../../src/ops/http-server.ts'
import { apiDeps } from '../../../support/events-api.ts'

const HEAD = 'POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

test('many connections that send slowly are closed, and posts are taken again', async () => {
  const { deps, provider } = apiDeps()
  await using server = await HttpServer.open(
    { host: '127.0.0.1', port: 0, tokens: deps.tokens, limits: { requestMs: 400, connections: 20 } },
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
  const closed: Promise<unknown>[] = []
  for (let i = 0; i < 60; i++) {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => undefined)
    // Half of them never end their headers, the others never send their body.
    socket.write(i % 2 === 0 ? HEAD : `${HEAD}Content-Length: 1000\r\n\r\n{"event":`)
    closed.push(new Promise((resolve) => socket.resume().on('close', resolve)))
  }
  await Promise.all(closed)
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"event":{"type":"a","id":"after"}}',
  })
  expect(response.status).toBe(200)
  expect((await provider.list({ limit: 10 })).events.map(({ id }) => id)).toEqual(['after'])
})
