import type { Operation } from '../operation.ts'
import { sagaQuery } from './schemas.ts'

const SUMMARIES = {
  retry: 'Send what failed, is stuck or waits again, now.',
  skip: 'Take a step for done, or its undo for undone, without sending it.',
  complete: 'End an instance as it is: completed, or compensated if it was compensating.',
  compensate: 'Cancel an instance: what was done is undone.',
} as const

export const SAGA_VERBS = Object.keys(SUMMARIES) as (keyof typeof SUMMARIES)[]
const INSTANCE = '/api/v1/sagas/{saga}/{key}'
const READ = [401, 403, 421, 422, 503]

export const SAGA_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/api/v1/sagas',
    id: 'listSagas',
    summary: 'List instances of sagas, newest first.',
    tag: 'sagas',
    scope: 'read',
    query: sagaQuery,
    answer: 'Sagas',
    statuses: READ,
  },
  {
    method: 'get',
    path: INSTANCE,
    id: 'getSaga',
    summary: 'Get an instance of a saga, with what became of each step.',
    tag: 'sagas',
    scope: 'read',
    answer: 'Saga',
    statuses: [...READ, 404],
  },
  ...SAGA_VERBS.map((verb) => ({
    method: 'post' as const,
    path: `${INSTANCE}/${verb}`,
    id: `${verb}Saga`,
    summary: SUMMARIES[verb],
    tag: 'sagas' as const,
    scope: 'operate',
    body: { 'application/json': 'SagaCommand' as const },
    optionalBody: true,
    answer: 'Saga' as const,
    statuses: [400, ...READ, 404, 409, 413, 415],
  })),
]
