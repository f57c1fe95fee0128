import type { OperatorAnswer, SagaCommand, SagaOperations } from '../../../sagas/contract.ts'
import type { SagaFailure, SagaInstance, SagaRef, StepState } from '../../../model/saga/instance.ts'
import type { Caller } from '../../tokens.ts'
import { checked, elsewhere, optionalBodyOf, query, requireScope, type Api, type Call } from '../context.ts'
import { ApiError } from '../problem.ts'
import { jsonAnswer, shownEnvelope } from '../records.ts'
import { sagaBody, sagaQuery } from './schemas.ts'

export async function listSagas(api: Api, call: Call): Promise<Response> {
  const caller = requireScope(call, 'read')
  const { saga, status, key, limit, cursor } = query(call, sagaQuery, ['status'])
  const filter = { saga, status: typeof status === 'string' ? [status] : status, keyPrefix: key }
  const { instances, next } = await sagasOf(api).list(filter, { limit, after: cursor ?? null })
  return jsonAnswer({ sagas: instances.filter((instance) => isVisible(caller, instance)).map(shownSummary), next })
}

export async function getSaga(api: Api, call: Call): Promise<Response> {
  const caller = requireScope(call, 'read')
  return jsonAnswer(shownSaga(await instanceOf(api, call, caller)))
}

/** retry, skip, complete, compensate. */
export async function actOnSaga(api: Api, call: Call, tag: SagaCommand['tag']): Promise<Response> {
  const caller = requireScope(call, 'operate')
  const { step, reason } = checked(sagaBody, await optionalBodyOf(api, call))
  if (step !== undefined && (tag === 'complete' || tag === 'compensate')) throw notAllowed('step', tag)
  if (reason !== undefined && tag !== 'compensate') throw notAllowed('reason', tag)
  const ref = await instanceOf(api, call, caller)
  const answer = await sagasOf(api).act(ref, { tag, step, reason }, caller.name)
  return jsonAnswer(shownSaga(instanceIn(answer)))
}

function notAllowed(field: string, tag: string): ApiError {
  return new ApiError(422, 'BINGO_EVENT_REFUSED', `${tag} takes no ${field}`, { path: `$.${field}` })
}

function sagasOf({ sagas, reader }: Api): SagaOperations {
  const found = sagas()
  if (found !== null) return found
  if (reader !== undefined) throw elsewhere('BINGO_SAGA_ELSEWHERE', 'runs no sagas', reader())
  throw new ApiError(503, 'BINGO_SAGA_NOT_READY', 'this instance runs no sagas now: it starts, or is a standby', {
    hint: 'Retry, or ask the instance that leads.',
  })
}

async function instanceOf(api: Api, call: Call, caller: Caller): Promise<SagaInstance> {
  const ref: SagaRef = { saga: call.req.param('saga') ?? '', key: call.req.param('key') ?? '' }
  const instance = await sagasOf(api).show(ref)
  if (instance === null || !isVisible(caller, instance)) throw unknown()
  return instance
}

/** As for events: a token sees what began in its environment. */
function isVisible({ isAdmin, environment }: Caller, { event }: SagaInstance): boolean {
  return isAdmin || event.environment === environment
}

function instanceIn(answer: OperatorAnswer): SagaInstance {
  if (answer.tag === 'done') return answer.instance
  if (answer.tag === 'unknown') throw unknown()
  throw new ApiError(409, 'BINGO_SAGA_NOT_CHANGED', answer.why)
}

function unknown(): ApiError {
  return new ApiError(404, 'BINGO_SAGA_UNKNOWN', 'there is no such instance of a saga', {
    hint: 'Run `bingo sagas list`. Instances are removed some time after their end (sagas.keep).',
  })
}

/** As a listing has it. */
export function shownSummary(instance: SagaInstance): object {
  return {
    saga: instance.saga,
    key: instance.key,
    status: instance.status,
    startedAt: iso(instance.startedAt),
    updatedAt: iso(instance.updatedAt),
    endedAt: iso(instance.endedAt),
    deadlineAt: iso(instance.deadlineAt),
    dueAt: iso(instance.dueAt),
    failure: shownFailure(instance.failure),
    steps: Object.entries(instance.steps).map(([id, step]) => ({
      id,
      status: step.status,
      attempts: step.attempts,
      undoAttempts: step.undoAttempts,
    })),
  }
}

export function shownSaga(instance: SagaInstance): object {
  return {
    ...shownSummary(instance),
    version: instance.version,
    revision: instance.revision,
    event: shownEnvelope({ ...instance.event, instanceId: '', deliverAt: null }),
    steps: Object.entries(instance.steps).map(([id, step]) => shownStep(id, step)),
  }
}

function shownStep(id: string, step: StepState): object {
  return {
    id,
    status: step.status,
    attempts: step.attempts,
    undoAttempts: step.undoAttempts,
    beganAt: iso(step.beganAt),
    endedAt: iso(step.endedAt),
    sendAt: iso(step.sendAt),
    timeoutAt: iso(step.timeoutAt),
    output: step.output,
    failure: shownFailure(step.failure),
  }
}

function shownFailure(failure: SagaFailure | null): object | null {
  return failure === null ? null : { ...failure, at: iso(failure.at) }
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}
