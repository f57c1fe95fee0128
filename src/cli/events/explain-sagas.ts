import { stringifyValue } from '../../model/event/forms/event-json.ts'
import { BingoError } from '../../model/errors.ts'
import type { SagaDefinition } from '../../model/saga/definition.ts'
import { SAGA_ACTION, type SagaSignal } from '../../model/saga/sink.ts'
import type { ExplainedAction } from '../../match/explain.ts'
import { advance } from '../../sagas/machine/advance.ts'
import { renderCommand } from '../../sagas/render.ts'
import { shownPayload } from '../output/shown-payload.ts'

/** What an event means to a saga, and what a new instance sends first; null: the action is not that of a saga. */
export function explainSaga(
  { type, rendered }: ExplainedAction,
  sagas: readonly SagaDefinition[],
): readonly string[] | null {
  if (type !== SAGA_ACTION || rendered === null || !('payload' in rendered)) return null
  const { saga: id, key, trigger, event } = rendered.payload as SagaSignal
  if (trigger.tag !== 'start') return [`${trigger.tag}s the step ${trigger.step} of ${id} ${key}`]
  const head = `starts ${id} ${key}, unless it has started before`
  const saga = sagas.find((each) => each.id === id)
  if (saga === undefined) return [head]
  const { instance, commands } = advance(saga, null, { tag: 'start', key, event }, event.timestamp)
  return [
    head,
    ...commands.map((command) => {
      try {
        const { action, payload } = renderCommand(saga, instance!, command)
        return `${command.step}: ${action.target.id} ${stringifyValue(shownPayload(action, payload))}`
      } catch (error) {
        if (!(error instanceof BingoError)) throw error
        return `${command.step}: ${error.code} ${error.message}`
      }
    }),
  ]
}
