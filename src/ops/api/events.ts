import type { MadeEvent } from '../../model/event/posted/event-sink.ts'
import { InvalidPosting } from '../../events/errors.ts'
import {
  bodyOf,
  checked,
  environmentFor,
  eventsOf,
  optionalBodyOf,
  query,
  requireScope,
  type Api,
  type Call,
} from './context.ts'
import { ApiError } from './problem.ts'
import { jsonAnswer, shownRecord } from './records.ts'
import { environmentQuery, listQuery, madeBody, redeliveredBody, replayBody } from './schemas.ts'

/** The events of a rule, from whoever retries its dead letters beside this daemon. */
export async function postMade(api: Api, call: Call): Promise<Response> {
  const caller = requireScope(call, 'operate')
  const { events } = checked(madeBody, await bodyOf(api, call))
  for (const { event } of events) environmentFor(api, caller, event.environment)
  await eventsOf(api).sink.publish(
    events.map(({ event, sent }) => ({ event: event as MadeEvent['event'], sent: new Set(sent) })),
  )
  return jsonAnswer({ events: events.length })
}

export async function getEvent(api: Api, call: Call): Promise<Response> {
  const { name, events } = named(api, call, 'read')
  const record = await events.provider.get(name)
  if (record === null) throw unknownEvent()
  return jsonAnswer(shownRecord(record))
}

export async function listEvents(api: Api, call: Call): Promise<Response> {
  const caller = requireScope(call, 'read')
  const filter = query(call, listQuery)
  const environment = environmentFor(api, caller, filter.environment)
  const { events, next } = await eventsOf(api).provider.list({ ...filter, environment })
  return jsonAnswer({ events: events.map(shownRecord), next })
}

export async function cancelEvent(api: Api, call: Call): Promise<Response> {
  const { name, events } = named(api, call, 'publish')
  const result = await events.provider.cancel(name, api.clock.now())
  if (result === 'unknown') throw unknownEvent()
  if (result === 'too late') {
    throw new ApiError(409, 'BINGO_EVENT_TOO_LATE', 'the event has left for its rules and cannot be cancelled')
  }
  return getRecord(api, name)
}

export async function replayEvent(api: Api, call: Call): Promise<Response> {
  const { name, events } = named(api, call, 'operate')
  const { mode } = checked(replayBody, await optionalBodyOf(api, call))
  if (mode === 'ifNoEffect') {
    const record = await events.provider.get(name)
    if (record?.outcomes.some(({ status }) => status === 'done') === true) {
      throw new ApiError(409, 'BINGO_EVENT_HAS_EFFECT', 'an action of the event was delivered already', {
        hint: 'Replay it with mode "force" to repeat its actions.',
      })
    }
  }
  const replayed = await events.provider.replay(name, api.clock.now())
  if (replayed === 'unknown') throw unknownEvent()
  if (replayed === 'waiting' || replayed === 'cancelled') {
    const why = replayed === 'waiting' ? 'the event is not due yet' : 'the event was cancelled'
    throw new ApiError(409, 'BINGO_EVENT_NOT_REPLAYED', why)
  }
  api.log.info({ event: name.id, environment: name.environment, by: call.get('caller').name }, 'event replayed')
  return jsonAnswer(shownRecord(replayed))
}

/** A retry of its dead letter worked: the last one completes the event. */
export async function redeliveredEvent(api: Api, call: Call): Promise<Response> {
  const { name, events } = named(api, call, 'operate')
  const { rule, action } = checked(redeliveredBody, await bodyOf(api, call))
  const at = api.clock.now()
  await events.provider.progress([{ ...name, at, retried: true, outcomes: [{ rule, action, status: 'done', at }] }])
  return getRecord(api, name)
}

async function getRecord(api: Api, name: { environment: string; id: string }): Promise<Response> {
  const record = await eventsOf(api).provider.get(name)
  if (record === null) throw unknownEvent()
  return jsonAnswer(shownRecord(record))
}

function named(api: Api, call: Call, scope: 'read' | 'publish' | 'operate') {
  const caller = requireScope(call, scope)
  const environment = environmentFor(api, caller, query(call, environmentQuery).environment)
  const id = call.req.param('id') ?? ''
  if (id.length > 255) throw new InvalidPosting([{ path: '$.id', message: 'an id has at most 255 characters' }])
  return { name: { environment, id }, events: eventsOf(api) }
}

function unknownEvent(): ApiError {
  return new ApiError(404, 'BINGO_EVENT_UNKNOWN', 'there is no such event, or it was removed after its retention')
}
