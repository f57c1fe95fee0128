import { z } from 'zod'
import { SAGA_OPERATIONS } from './saga-operations.ts'
import { sagaBody, sagaInstance, sagaPage } from './saga-schemas.ts'
import * as schemas from './schemas.ts'

export const COMPONENTS = {
  Post: schemas.postBody,
  Bulk: schemas.bulkBody,
  Replay: schemas.replayBody,
  Redelivered: schemas.redeliveredBody,
  Made: schemas.madeBody,
  Stored: schemas.madeAnswer,
  Invoke: schemas.invokeBody,
  CloudEvent: schemas.cloudEvent,
  CloudEvents: z.array(schemas.cloudEvent),
  Event: schemas.record,
  Page: schemas.page,
  Dispatcher: schemas.dispatcher,
  Dispatchers: z.object({ dispatchers: z.array(schemas.dispatcher) }),
  Saga: sagaInstance,
  Sagas: sagaPage,
  SagaCommand: sagaBody,
  Problem: schemas.problem,
} as const
export type SchemaName = keyof typeof COMPONENTS

export interface Operation {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly tag: 'events' | 'rules' | 'sagas' | 'cloudevents'
  readonly scope: string
  readonly query?: z.ZodObject
  /** Media type → component. */
  readonly body?: { readonly [type: string]: SchemaName }
  readonly optionalBody?: boolean
  readonly headers?: readonly (readonly [string, string])[]
  readonly answer: SchemaName | { readonly list: SchemaName } | 'stream'
  readonly statuses: readonly number[]
}

export const JSON_TYPE = 'application/json'
const POST = [400, 401, 403, 409, 413, 415, 421, 422, 429, 503]
const READ = [401, 403, 421, 422, 503]

/** What the API can, for its document; the routes are in app.ts. */
export const OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/v1/events',
    id: 'postEvent',
    summary: 'Post an event. 200 once it is durable.',
    tag: 'events',
    scope: 'publish',
    query: schemas.environmentQuery,
    body: { [JSON_TYPE]: 'Post' },
    headers: [['Idempotency-Key', 'The id of the event, where the body has none.']],
    answer: 'Event',
    statuses: POST,
  },
  {
    method: 'post',
    path: '/api/v1/events/bulk',
    id: 'postEvents',
    summary: 'Post several events, all or none.',
    tag: 'events',
    scope: 'publish',
    query: schemas.environmentQuery,
    body: { [JSON_TYPE]: 'Bulk' },
    answer: { list: 'Event' },
    statuses: POST,
  },
  {
    method: 'post',
    path: '/api/v1/events/made',
    id: 'postMadeEvents',
    summary: 'Store events that `type: event` actions made. `bingo dead-letters retry` does it.',
    tag: 'events',
    scope: 'operate',
    body: { [JSON_TYPE]: 'Made' },
    answer: 'Stored',
    statuses: POST,
  },
  {
    method: 'get',
    path: '/api/v1/events',
    id: 'listEvents',
    summary: 'List events, newest first.',
    tag: 'events',
    scope: 'read',
    query: schemas.listQuery,
    answer: 'Page',
    statuses: READ,
  },
  {
    method: 'get',
    path: '/api/v1/events/stream',
    id: 'streamEvents',
    summary: 'Follow events as server-sent events; resumes behind Last-Event-ID. A slow reader is cut off.',
    tag: 'events',
    scope: 'read',
    query: schemas.streamQuery,
    headers: [['Last-Event-ID', 'The `id` of the last event that was read.']],
    answer: 'stream',
    statuses: READ,
  },
  ...(['v1', 'v2'] as const).map((version) => ({
    method: 'get' as const,
    path: `/api/${version}/events/{id}`,
    id: version === 'v1' ? 'getEvent' : 'getEventV2',
    summary: 'Get an event, with what each rule did.',
    tag: 'events' as const,
    scope: 'read',
    query: schemas.environmentQuery,
    answer: 'Event' as const,
    statuses: [...READ, 404],
  })),
  {
    method: 'post',
    path: '/api/v1/events/{id}/cancel',
    id: 'cancelEvent',
    summary: 'Cancel an event that is not due yet.',
    tag: 'events',
    scope: 'publish',
    query: schemas.environmentQuery,
    answer: 'Event',
    statuses: [...READ, 404, 409],
  },
  {
    method: 'post',
    path: '/api/v1/events/{id}/replay',
    id: 'replayEvent',
    summary: 'Run the rules for an event again, under its id.',
    tag: 'events',
    scope: 'operate',
    query: schemas.environmentQuery,
    body: { [JSON_TYPE]: 'Replay' },
    optionalBody: true,
    answer: 'Event',
    statuses: [400, ...READ, 404, 409, 413, 415],
  },
  {
    method: 'post',
    path: '/api/v1/events/{id}/redelivered',
    id: 'redeliveredEvent',
    summary: 'Record that a dead letter of the event was delivered. `bingo dead-letters retry` does it.',
    tag: 'events',
    scope: 'operate',
    query: schemas.environmentQuery,
    body: { [JSON_TYPE]: 'Redelivered' },
    answer: 'Event',
    statuses: [400, ...READ, 404, 413, 415],
  },
  {
    method: 'get',
    path: '/api/v1/event-dispatchers',
    id: 'listDispatchers',
    summary: 'List the rules on events.',
    tag: 'rules',
    scope: 'read',
    answer: 'Dispatchers',
    statuses: [401, 403, 503],
  },
  {
    method: 'get',
    path: '/api/v1/event-dispatchers/{id}',
    id: 'getDispatcher',
    summary: 'Get a rule.',
    tag: 'rules',
    scope: 'read',
    answer: 'Dispatcher',
    statuses: [401, 403, 404, 503],
  },
  ...(['enable', 'disable'] as const).map((verb) => ({
    method: 'post' as const,
    path: `/api/v1/event-dispatchers/{id}/${verb}`,
    id: `${verb}Dispatcher`,
    summary: `${verb === 'enable' ? 'Enable' : 'Disable'} a rule; it is remembered over restarts.`,
    tag: 'rules' as const,
    scope: 'operate',
    answer: 'Dispatcher' as const,
    statuses: [401, 403, 404, 503],
  })),
  {
    method: 'post',
    path: '/api/v1/event-dispatchers/{id}/invoke',
    id: 'invokeDispatcher',
    summary: 'Run one rule for an event that is made for it.',
    tag: 'rules',
    scope: 'operate',
    query: schemas.environmentQuery,
    body: { [JSON_TYPE]: 'Invoke' },
    optionalBody: true,
    answer: 'Event',
    statuses: [...POST, 404],
  },
  {
    method: 'post',
    path: '/api/v1/cloudevents',
    id: 'postCloudEvents',
    summary: 'Post CloudEvents 1.0: structured, batch, or binary (attributes in ce- headers).',
    tag: 'cloudevents',
    scope: 'publish',
    query: schemas.environmentQuery,
    body: { 'application/cloudevents+json': 'CloudEvent', 'application/cloudevents-batch+json': 'CloudEvents' },
    answer: 'Event',
    statuses: POST,
  },
  ...SAGA_OPERATIONS,
]
