import { withFacts } from '../event/change.ts'
import type { Change } from '../event/change.ts'
import type { Value } from '../event/row.ts'
import { changedColumns } from '../event/changed-columns.ts'
import { DEFAULT_ENVIRONMENT, envelopeOf, PostedEvent } from '../event/posted/posted-event.ts'
import { keyOf } from '../event/row-key.ts'
import { commandId, instanceName, type SagaEvent, type SagaInstance, type SagaOp } from './instance.ts'

/** What an instance keeps of the event that it begins with, or that confirms a step. */
export function sagaEventOf(change: Change): SagaEvent {
  const envelope = envelopeOf(change)
  if (envelope !== null) {
    const { instanceId: _, deliverAt: __, ...event } = envelope
    return event
  }
  const { table, old, new: new_ } = change
  return {
    id: change.id,
    type: change.type,
    source: 'database',
    key: null,
    payload: { new: new_, old, key: keyOf(table, old, new_), changed: changedColumns(table, change) } as Value,
    context: {},
    metadata: {},
    userId: null,
    sessionId: null,
    accountId: null,
    environment: DEFAULT_ENVIRONMENT,
    correlationId: null,
    causationId: null,
    traceparent: null,
    hops: 0,
    timestamp: Math.floor(change.at),
    isTest: false,
  }
}

const NOWHERE = { gtid: null, file: '', offset: 0, serverId: 0, query: null }

/** What the templates and conditions of a step read: the event that started the saga, and what the saga knows. */
export function sagaChange(
  instance: SagaInstance,
  readable: readonly string[],
  command: { readonly step: string; readonly op: SagaOp; readonly attempt: number } | null,
): Change {
  const { saga, key, startedAt, status, event } = instance
  const id = command === null ? event.id : commandId(instance, command.step, command.op)
  const { correlationId } = event
  const envelope = {
    ...event,
    id,
    // What belongs together is told by the event that started it.
    correlationId: correlationId ?? event.id,
    causationId: event.id,
    environment: DEFAULT_ENVIRONMENT,
    instanceId: '',
    deliverAt: null,
  }
  const posted = new PostedEvent(envelope, { ...NOWHERE, id, timestampUs: startedAt * 1_000 }, 0)
  const steps = Object.fromEntries(
    readable.map((step) => {
      const { status: state = 'pending', output = null } = instance.steps[step] ?? {}
      return [step, { status: state, output }]
    }),
  )
  const of = { id: saga, key, startedAt: new Date(startedAt).toISOString(), status }
  return withFacts(posted, {
    saga: { saga: of, steps, command: command === null ? null : { ...command, saga: instanceName(instance) } },
  })
}
