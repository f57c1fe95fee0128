import { EVENT_SHAPE } from '../model/event/posted/posted-event.ts'
import type { Sendable } from '../model/rule/action.ts'
import type { SagaDefinition } from '../model/saga/definition.ts'
import { sagaChange } from '../model/saga/events.ts'
import type { SagaInstance } from '../model/saga/instance.ts'
import type { OutgoingCommand } from './contract.ts'

/** What a command sends, of the instance as it is now. Throws EvaluationError for what cannot be rendered. */
export function renderCommand(definition: SagaDefinition, instance: SagaInstance, command: OutgoingCommand): Sendable {
  const at = definition.stages.findIndex((steps) => steps.some(({ id }) => id === command.step))
  const step = definition.stages[at]!.find(({ id }) => id === command.step)!
  const change = sagaChange(instance, readable(definition, command, at), command)
  const action = command.op === 'do' ? step.action : step.compensate!
  const payload = action.bind(EVENT_SHAPE)(change)
  return { id: command.id, key: instance.key, at: change.transaction.timestampUs, payload, action }
}

/** What a step reads never changes between two sends: what stands beside it may end meanwhile. */
function readable(definition: SagaDefinition, { op }: OutgoingCommand, stage: number): readonly string[] {
  const stages = op === 'do' ? definition.stages.slice(0, stage) : definition.stages
  return stages.flatMap((steps) => steps.map(({ id }) => id))
}
