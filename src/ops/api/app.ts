import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../tokens.ts'
import { Bodies } from './body.ts'
import { postCloudEvents } from './cloud-events.ts'
import type { Api, ApiDeps } from './context.ts'
import { getDispatcher, invokeDispatcher, listDispatchers, switchDispatcher } from './dispatchers.ts'
import {
  cancelEvent,
  getEvent,
  listEvents,
  postBulk,
  postEvent,
  postMade,
  redeliveredEvent,
  replayEvent,
} from './events.ts'
import { openApi } from './open-api.ts'
import { ApiError, INTERNAL, problemOf, type ApiProblem } from './problem.ts'
import { jsonAnswer } from './records.ts'
import { SAGA_VERBS } from './saga-operations.ts'
import { actOnSaga, getSaga, listSagas } from './sagas.ts'
import { EventStreams } from './stream.ts'

type App = Hono<{ Variables: { caller: Caller } }>

/** The API of posted events and sagas: `fetch` answers requests without a socket. */
export function createApi(deps: ApiDeps): App {
  const api: Api = { ...deps, bodies: new Bodies(deps.limits.requestBytes, deps.limits.depth) }
  const streams = new EventStreams()
  const app: App = new Hono()
  const document = openApi(api)
  app.get('/openapi.json', () => jsonAnswer(document))
  app.use('/api/*', async (call, next) => {
    const caller = deps.tokens.callerOf(call.req.header('authorization'))
    if (caller === null) throw new ApiError(401, 'BINGO_HTTP_TOKEN', 'send a token as "Authorization: Bearer …"')
    call.set('caller', caller)
    await next()
  })
  app.post('/api/v1/events', (call) => postEvent(api, call))
  app.post('/api/v1/events/bulk', (call) => postBulk(api, call))
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
  app.post('/api/v1/cloudevents', (call) => postCloudEvents(api, call))
  app.get('/api/v1/sagas', (call) => listSagas(api, call))
  app.get('/api/v1/sagas/:saga/:key', (call) => getSaga(api, call))
  for (const verb of SAGA_VERBS) app.post(`/api/v1/sagas/:saga/:key/${verb}`, (call) => actOnSaga(api, call, verb))
  app.notFound(() =>
    answerOf({ status: 404, body: { error: 'not found; see /openapi.json', code: 'BINGO_HTTP_NOT_FOUND' } }),
  )
  app.onError((error) => {
    const problem = problemOf(error)
    if (problem === null)
      deps.log.error({ code: 'BINGO_INTERNAL', err: error.stack ?? error.message }, 'request failed')
    return answerOf(problem ?? INTERNAL)
  })
  return app
}

function answerOf({ status, body, retryAfterSeconds }: ApiProblem): Response {
  return jsonAnswer(body, status, {
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  })
}

/** The same for a server of Node.js. */
export function apiListener(deps: ApiDeps): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const app = createApi(deps)
  return getRequestListener((request) => app.fetch(request), { overrideGlobalObjects: false })
}
