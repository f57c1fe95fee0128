import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'

const RULES = 'rules:\n  - {id: any, table: shop.users, actions: [{type: log}]}\n'

/** A daemon for posted events alone, kept in a file. */
async function eventsDaemon(rules = RULES, env: Record<string, string> = {}): Promise<Daemon> {
  const daemon = await Daemon.prepare({ rules, sourceUrl: '', env: { BINGO_EVENTS_RETENTION: '7d', ...env } })
  daemon.spawn()
  await daemon.ready()
  return daemon
}

interface Answer {
  readonly status: number
  readonly body: { readonly [field: string]: unknown }
}

async function call(daemon: Daemon, method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${daemon.adminPort}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

test('a daemon for events alone takes them, completes those that no rule matches, and keeps them over a kill', async () => {
  await using daemon = await eventsDaemon()
  const posted = await call(daemon, 'POST', '/api/v1/events', { event: { type: 'a.b', id: 'one', payload: { n: 1 } } })
  expect(posted).toMatchObject({ status: 200, body: { id: 'one', durability: 'fsync' } })
  const completed = async () => (await call(daemon, 'GET', '/api/v1/events/one')).body['status'] === 'completed'
  await eventually('the event is completed', completed)
  await call(daemon, 'POST', '/api/v1/events', { event: { type: 'a.b', id: 'two' }, options: { deliverAfter: 3600 } })
  await daemon.stop('SIGKILL')
  daemon.spawn()
  await daemon.ready()
  expect((await call(daemon, 'GET', '/api/v1/events/one')).body).toMatchObject({ matched: 0, payload: { n: 1 } })
  expect((await call(daemon, 'POST', '/api/v1/events/two/cancel')).body).toMatchObject({ status: 'cancelled' })
  expect(join(daemon.folder, 'bingo.events')).toBeTruthy()
  expect(await daemon.stop()).toBe(0)
})
