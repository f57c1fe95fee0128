import { commandId, instanceName, type SagaInstance } from '../../../src/model/saga/instance.ts'
import type { Participants } from '../../support/sagas/participants.ts'

/** What the services' own tables say against what a saga says; empty: they agree, and nothing was left half done. */
export function wrongs(services: Participants, { saga, key, status, steps }: SagaInstance): readonly string[] {
  return Object.entries(steps).flatMap(([step, state]) => {
    const entry = services.entry(instanceName({ saga, key }), step)
    const found: string[] = []
    for (const [op, ids] of entry?.ids ?? []) {
      const id = commandId({ saga, key }, step, op as 'do' | 'undo')
      if (ids.size !== 1 || !ids.has(id)) found.push(`${saga} ${key} ${step} ${op}: ids ${[...ids].join(' ')}`)
    }
    const shown = `${saga} ${key} is ${status}, ${step} is ${state.status}`
    const [isDone, isUndone] = [entry?.done === true, entry?.undone === true]
    if (status === 'completed' && state.status !== 'skipped' && (!isDone || isUndone)) {
      found.push(`${shown}, but the service has not done it`)
    }
    if (status === 'compensated' && isDone && !isUndone) found.push(`${shown}, but the service has not undone it`)
    return found
  })
}
