import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createBroker } from '../../src/index.ts'
import type { Broker, BrokerOptions } from '../../src/index.ts'
import { startPostgres } from '../support/servers/postgres.ts'

describe('Brokers on PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  const brokers: Broker[] = []
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.stop().catch(() => undefined)
  })
  afterAll(() => server?.stop())

  function brokerOf(options: BrokerOptions): Broker {
    const retry = { attempts: 2, min: 1, max: 1 }
    const broker = createBroker({ store: server.url, state: 'memory:', retry, ...options })
    brokers.push(broker)
    return broker
  }

  test('of one name hand their events to one of them, and to the next when it ends; those of another name see all of them', async () => {
    const seen = { shop: [] as string[], audit: [] as string[] }
    const one = brokerOf({ name: 'shop' })
    const two = brokerOf({ name: 'shop' })
    const audit = brokerOf({ name: 'audit' })
    for (const broker of [one, two]) broker.subscribe('orders.*', ({ id }) => void seen.shop.push(id), { id: 'ship' })
    audit.subscribe('**', ({ id }) => void seen.audit.push(id))
    for (const broker of [one, two, audit]) await broker.start()
    const ids = Array.from({ length: 30 }, (_, n) => `o${n}`)
    for (const id of ids.slice(0, 10)) await one.publishAsync('orders.created', { id }, { id, key: 'k' })
    // Whichever of the two handles them.
    for (const broker of [one, two])
      await broker.publishSync('orders.created', {}, { id: `sync-${brokers.indexOf(broker)}`, key: 'k' })
    await one.stop()
    for (const id of ids.slice(10)) await two.publishAsync('orders.created', { id }, { id, key: 'k' })
    const all = [...ids.slice(0, 10), 'sync-0', 'sync-1', ...ids.slice(10)]
    await expect.poll(() => [...new Set(seen.shop)]).toEqual(all)
    await expect.poll(() => seen.audit).toEqual(all)
  })

  test('tell who waits that a handler failed, keep the dead letter, and go on after a stop', async () => {
    const first = brokerOf({ name: 'mail' })
    first.subscribe('mail.*', () => {
      throw new Error('refused')
    })
    await first.start()
    await expect(first.publishSync('mail.sent', {}, { id: 'm1' })).rejects.toThrow('refused')
    const letters: string[] = []
    for await (const { id } of first.deadLetters()) letters.push(id)
    expect(letters).toEqual(['m1#mail.*#handler'])
    await first.stop()
    const second = brokerOf({ name: 'mail' })
    const handled: string[] = []
    second.subscribe('mail.*', ({ id }) => void handled.push(id))
    await second.start()
    await second.publishSync('mail.sent', {}, { id: 'm2' })
    expect(handled).toContain('m2')
  })
})
