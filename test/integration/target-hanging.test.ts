import { expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

const EVENTS = 200

test('an event that a receiver never answers holds up its own key, not the target', async () => {
  await using receiver = await WebhookReceiver.start()
  let attempts = 0
  // The first event of one key hangs once, to its timeout.
  receiver.answer = (body) => ((JSON.parse(body) as { n: number }).n === 1 && ++attempts === 1 ? undefined : 204)
  const rules = `rules:
  - {id: hook, on: order.*, actions: [{type: webhook, url: "${receiver.url}/hook", timeout: 3s, body: {n: "{{payload.n}}", key: "{{key}}"}}]}`
  const env = { BINGO_EVENTS_ENVIRONMENTS: 'default', BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8' }
  await using daemon = await Daemon.start({ rules, sourceUrl: '', env })
  const events = Array.from({ length: EVENTS }, (_, n) => ({
    type: 'order.paid',
    key: `k${n % 50}`,
    payload: { n },
  }))
  const response = await fetch(`http://127.0.0.1:${daemon.adminPort}/api/v1/events/bulk`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ events }),
  })
  expect([response.status, response.ok ? '' : await response.text()]).toEqual([200, ''])
  const done = (): readonly { [key: string]: unknown }[] => receiver.delivered()
  await eventually('all have arrived', () => done().length === EVENTS)
  expect(attempts).toBe(2)
  expect(
    done()
      .filter(({ key }) => key === 'k1')
      .map(({ n }) => n),
  ).toEqual([1, 51, 101, 151])
  expect(await daemon.stop()).toBe(0)
  expect(daemon.said({ msg: 'target is down; its events wait' })).toEqual([])
})
