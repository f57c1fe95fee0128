import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../tokens.ts'
import { Bodies } from './posting/body.ts'
import { callerOf, type Api, type ApiDeps } from './context.ts'
import { answerDirectly, directPost } from './posting/direct-post.ts'
import { getDispatcher, invokeDispatcher, listDispatchers, switchDispatcher } from './dispatchers.ts'
import { cancelEvent, getEvent, listEvents, postMade, redeliveredEvent, replayEvent } from './events.ts'
import { WebIncoming } from './posting/incoming.ts'
import { openApi } from './open-api.ts'
import { POSTS } from './posting/posts.ts'
import { answerTo, ApiError } from './problem.ts'
import { jsonAnswer } from './records.ts'
import { SAGA_VERBS } from './sagas/operations.ts'
import { actOnSaga, getSaga, listSagas } from './sagas/sagas.ts'
import { EventStreams } from './stream.ts'

type App = Hono<{ Variables: { caller: Caller } }>

/** The API of posted events and sagas: `fetch` answers requests without a socket. */
export function createApi(deps: ApiDeps): App {
  return appOf(apiOf(deps))
}

function apiOf(deps: ApiDeps): Api {
  return { ...deps, bodies: new Bodies(deps.limits.requestBytes, deps.limits.depth) }
}

function appOf(api: Api): App {
  const streams = new EventStreams()
  const app: App = new Hono()
  const document = openApi(api)
  app.get('/openapi.json', () => jsonAnswer(document))
  for (const [path, post] of POSTS) {
    app.post(path, async (call) => jsonAnswer(await post(api, new WebIncoming(call.req.raw))))
  }
  app.use('/api/*', async (call, next) => {
    call.set('caller', callerOf(api, call.req.header('authorization')))
    await next()
  })
  app.post('/api/v1/events/made', (call) => postMade(api, call))
  app.get('/api/v1/events', (call) => listEvents(api, call))
  app.get('/api/v1/events/stream', (call) => streams.answer(api, call))
  app.get('/api/v1/events/:id', (call) => getEvent(api, call))
  app.get('/api/v2/events/:id', (call) => getEvent(api, call))
  app.post('/api/v1/events/:id/cancel', (call) => cancelEvent(api, call))
  app.post('/api/v1/events/:id/replay', (call) => replayEvent(api, call))
  app.post('/api/v1/events/:id/redelivered', (call) => redeliveredEvent(api, call))
  app.get('/api/v1/event-dispatchers', (call) => listDispatchers(api, call))
  app.get('/api/v1/event-dispatchers/:id', (call) => getDispatcher(api, call))
  app.post('/api/v1/event-dispatchers/:id/enable', (call) => switchDispatcher(api, call, true))
  app.post('/api/v1/event-dispatchers/:id/disable', (call) => switchDispatcher(api, call, false))
  app.post('/api/v1/event-dispatchers/:id/invoke', (call) => invokeDispatcher(api, call))
  app.get('/api/v1/sagas', (call) => listSagas(api, call))
  app.get('/api/v1/sagas/:saga/:key', (call) => getSaga(api, call))
  for (const verb of SAGA_VERBS) app.post(`/api/v1/sagas/:saga/:key/${verb}`, (call) => actOnSaga(api, call, verb))
  app.notFound(() => answerOf(new ApiError(404, 'BINGO_HTTP_NOT_FOUND', 'not found; see /openapi.json'), api))
  app.onError((error) => answerOf(error, api))
  return app
}

function answerOf(error: Error, { log }: Api): Response {
  const { status, body, headers } = answerTo(error, log)
  return jsonAnswer(body, status, headers)
}

/** The same for a server of Node.js. */
export function apiListener(deps: ApiDeps): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const api = apiOf(deps)
  const app = appOf(api)
  const others = getRequestListener((request) => app.fetch(request), { overrideGlobalObjects: false })
  return (request, response) => {
    const post = directPost(request)
    return post === undefined ? others(request, response) : answerDirectly(post, api, request, response)
  }
}
