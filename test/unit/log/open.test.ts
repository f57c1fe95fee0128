import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openEventProvider } from '../../../src/log/open.ts'
import { newEvent, post } from '../../support/events/new-event.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-events-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['redis://cache:6379/1', 'Redis is not available yet'],
  ['rediss+cluster://a:1,b:2', 'Redis is not available yet'],
  ['nats://broker:4222', 'NATS is not available yet'],
  ['kafka://broker:9092/events', 'Kafka is not available yet'],
  ['sqlite:/var/lib/events', 'file:'],
  ['memory://', 'memory:'],
  ['file:', 'the path is missing'],
  ['file://host/events', 'has a host'],
  ['/var/lib/events', 'scheme is not known'],
  ['', 'scheme is not known'],
])('refuses %j as a store of events, and says what would be right', async (url, words) => {
  await expect(openEventProvider(url, { name: 'bingo' })).rejects.toMatchObject({
    code: 'BINGO_EVENTS_STORE_INVALID',
    message: expect.stringContaining(words) as string,
    hint: expect.stringContaining('file:/var/lib/bingo/events') as string,
  })
})

test('opens memory, a file, and a file in a folder that is called after the instance', async () => {
  const options = { name: 'shop/eu', maxEvents: 1 }
  const [memory, file, inFolder] = await Promise.all(
    ['memory:', `file:${folder}/events`, `file:${folder}/`].map((url) => openEventProvider(url, options)),
  )
  expect([memory!.description, file!.description]).toEqual(['memory:', `file:${folder}/events`])
  for (const provider of [memory!, file!, inFolder!]) {
    await post(provider, [newEvent(1)])
    await expect(post(provider, [newEvent(2)])).rejects.toMatchObject({ code: 'BINGO_LOG_FULL' })
    await provider.close()
  }
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['events', 'shop_eu.events']))
})
