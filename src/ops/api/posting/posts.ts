import type { JsonBody } from './body.ts'
import { postCloudEvents } from './cloud-events.ts'
import { checked, eventsOf, postedBy, type Api } from '../context.ts'
import type { Incoming } from './incoming.ts'
import { shownPosted } from '../records.ts'
import { looseBulk, looseSingle } from '../schemas.ts'

/** Stores what a request posts; resolves with what is answered, and rejects with what `answerTo` understands. */
export type Post = (api: Api, incoming: Incoming) => Promise<unknown>

/** What has to be fast, by its path: events that come in. */
export const POSTS: ReadonlyMap<string, Post> = new Map([
  ['/api/v1/events', postEvent],
  ['/api/v1/events/bulk', postBulk],
  ['/api/v1/cloudevents', postCloudEvents],
])

async function postEvent(api: Api, incoming: Incoming): Promise<object> {
  const by = postedBy(api, incoming)
  const { publisher, provider } = eventsOf(api)
  const { value, bytes, isPlain }: JsonBody = await api.bodies.json(incoming)
  const { event, options } = checked(looseSingle, value)
  const [posted] = await publisher.publish(
    {
      events: [event],
      options,
      isParsed: true,
      isPlain,
      maxEventBytes: bytes,
      idempotencyKey: incoming.header('idempotency-key'),
      path: () => ['event'],
    },
    by,
  )
  return shownPosted(posted!, provider.can)
}

async function postBulk(api: Api, incoming: Incoming): Promise<readonly object[]> {
  const by = postedBy(api, incoming)
  const { publisher, provider } = eventsOf(api)
  const { value, bytes, isPlain }: JsonBody = await api.bodies.json(incoming)
  const { events, options } = checked(looseBulk, value)
  const posted = await publisher.publish({ events, options, isParsed: true, isPlain, maxEventBytes: bytes }, by)
  return posted.map((each) => shownPosted(each, provider.can))
}
