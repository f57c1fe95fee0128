import { expect, test } from 'vitest'
import { createApi } from '../../../../src/ops/api/app.ts'
import { systemClock, type Clock } from '../../../../src/model/clock.ts'
import { inProcess } from '../../../../src/model/event/posted/posting.ts'
import { apiDeps } from '../../../support/events-api.ts'

interface Line {
  readonly id: string
  readonly event: string
  readonly data: { readonly id: string }
}

function setup(clock: Clock = systemClock) {
  const { deps } = apiDeps()
  const app = createApi({ ...deps, clock })
  const publish = (type: string, id: string, payload: unknown = null) =>
    deps.events()!.publisher.publish({ events: [{ type, id, payload }] }, inProcess('default', 'test'))
  const follow = async (query = '', headers: Record<string, string> = {}) => {
    const response = await app.request(`/api/v1/events/stream${query}`, { headers })
    return { response, reader: response.body?.getReader() }
  }
  return { app, publish, follow }
}

async function lines(reader: ReadableStreamDefaultReader<Uint8Array>, count: number): Promise<readonly Line[]> {
  let text = ''
  const found = (): Line[] =>
    [...text.matchAll(/id: (.*)\nevent: (.*)\ndata: (.*)\n\n/g)].map(([, id, event, data]) => ({
      id: id!,
      event: event!,
      data: JSON.parse(data!) as Line['data'],
    }))
  while (found().length < count) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`ended after ${found().length} events`)
    text += Buffer.from(value).toString()
  }
  return found()
}

test('events are followed from now on, by their patterns', async () => {
  const { publish, follow } = setup()
  await publish('users.user.create', 'before')
  const { response, reader } = await follow('?on=users.**&on=mail.sent')
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  await publish('orders.order.create', 'other')
  await publish('users.user.create', 'one')
  await publish('mail.sent', 'two')
  expect((await lines(reader!, 2)).map(({ data, event }) => [data.id, event])).toEqual([
    ['one', 'users.user.create'],
    ['two', 'mail.sent'],
  ])
})

test('a reader resumes behind the last event that it has read', async () => {
  const { publish, follow } = setup()
  const first = await follow()
  for (const id of ['1', '2', '3']) await publish('a', id)
  const [one] = await lines(first.reader!, 1)
  await first.reader!.cancel()
  const again = await follow('', { 'last-event-id': one!.id })
  expect((await lines(again.reader!, 2)).map(({ data }) => data.id)).toEqual(['2', '3'])
})

test('a place that the log never gave is refused', async () => {
  const { follow } = setup()
  const { response } = await follow('', { 'last-event-id': 'nonsense' })
  expect(response.status).toBe(422)
})

test('a reader that takes nothing is cut off, and nothing is kept for it meanwhile', async () => {
  const slow = Promise.withResolvers<void>()
  const clock: Clock = {
    ...systemClock,
    after: (_ms, fn) => {
      void slow.promise.then(fn)
      return { cancel: () => undefined }
    },
  }
  const { publish, follow } = setup(clock)
  const { reader } = await follow()
  for (let i = 0; i < 50; i++) await publish('a', `e${i}`)
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  await turn()
  slow.resolve()
  await turn()
  let read = 0
  await expect(async () => {
    for (;;) {
      const { done } = await reader!.read()
      if (done) return
      read += 1
    }
  }).rejects.toThrow('too slow')
  expect(read).toBeLessThan(5)
})

test('no more readers are taken than there is room for', async () => {
  const { follow } = setup()
  const all = []
  for (let i = 0; i < 100; i++) all.push(await follow())
  expect((await follow()).response.status).toBe(503)
  await all[0]!.reader!.cancel()
  expect((await follow()).response.status).toBe(200)
})
