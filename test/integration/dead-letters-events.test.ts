import { writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { besides, Daemon, eventually } from '../support/daemon.ts'
import { bingo } from './cli-process.ts'

/** `first` makes an event of each event, of which `second` only takes note. */
const rules = (type: string): string => `rules:
  - {id: first, on: users.user.create, actions: [{id: make, type: event, event: {type: "${type}", payload: {id: "{{payload.id}}"}}}]}
  - {id: second, on: "mail.**", actions: [{type: log}]}
`
const BROKEN = rules('mail.{{payload.missing}}')
const REPAIRED = rules('mail.requested')

/** Two events whose dead letters wait for another rule. */
async function refused(env: Record<string, string> = {}): Promise<Daemon> {
  const daemon = await Daemon.start({
    rules: BROKEN,
    sourceUrl: '',
    env: { BINGO_EVENTS_ENVIRONMENTS: 'default,other', ...env },
  })
  for (const id of ['u1', 'u2']) {
    const event = { id, type: 'users.user.create', payload: { id, exact: 1 }, correlationId: 'chain' }
    const path = id === 'u2' ? '/api/v1/events?environment=other' : '/api/v1/events'
    await call(daemon, path, { event })
  }
  await eventually('they are kept', async () => (await daemon.metric('bingo_dead_letters')) === 2)
  await writeFile(daemon.rulesFile, REPAIRED)
  return daemon
}

async function call(daemon: Daemon, path: string, body?: object): Promise<{ readonly [field: string]: unknown }> {
  const response = await fetch(`http://127.0.0.1:${daemon.adminPort}${path}`, {
    ...(body && { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  expect(response.status).toBe(200)
  return (await response.json()) as { readonly [field: string]: unknown }
}

/** The events that the rule has made, when their rules have ended. */
async function made(daemon: Daemon, environment: string): Promise<readonly { readonly [field: string]: unknown }[]> {
  let events: readonly { readonly [field: string]: unknown }[] = []
  await eventually('the event that was made is completed', async () => {
    const page = await call(daemon, `/api/v1/events?type=mail.**&environment=${environment}`)
    events = page['events'] as typeof events
    return events.length > 0 && events.every(({ status }) => status === 'completed')
  })
  return events
}

test('A retry beside the daemon makes the events of `type: event` actions, with what says who caused them, once', async () => {
  await using daemon = await refused()
  expect(await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) })).toMatchObject({
    code: 0,
    stdout: '2 delivered, 0 remaining\n',
  })
  for (const [environment, id] of [
    ['default', 'u1'],
    ['other', 'u2'],
  ] as const) {
    const events = await made(daemon, environment)
    expect(events).toEqual([
      expect.objectContaining({ causationId: id, correlationId: 'chain', hops: 1, source: 'internal', matched: 1 }),
    ])
    const cause = await call(daemon, `/api/v1/events/${id}?environment=${environment}`)
    expect(cause).toMatchObject({ status: 'completed', retryCount: 1 })
  }
})

test('A retry without a daemon stores the events, and the next daemon runs their rules', async () => {
  await using daemon = await refused()
  await daemon.stop()
  expect(await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) })).toMatchObject({
    code: 0,
    stdout: '2 delivered, 0 remaining\n',
  })
  daemon.spawn()
  await daemon.ready()
  expect(await made(daemon, 'default')).toHaveLength(1)
  expect(await made(daemon, 'other')).toHaveLength(1)
})

test('A retry without a daemon says that events of a store in memory cannot be kept, and leaves their dead letters', async () => {
  await using daemon = await refused({ BINGO_EVENTS_STORE: 'memory:' })
  await daemon.stop()
  const { code, stdout, stderr } = await bingo(['dead-letters', 'retry', '--all'], { env: besides(daemon) })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '0 delivered, 2 remaining\n' })
  expect(stderr).toContain('BINGO_EVENT_NO_STORE')
})
