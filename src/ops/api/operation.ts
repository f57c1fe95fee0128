import { z } from 'zod'
import { sagaBody, sagaInstance, sagaPage } from './sagas/schemas.ts'
import * as schemas from './schemas.ts'

/** The schemas that operations name, as the API's document calls them. */
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

/** One request that the API answers. */
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
