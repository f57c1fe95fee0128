import type { SagaSignal } from '../model/saga/sink.ts'
import type { SagaInput } from './contract.ts'

/** What an event that a saga listens to is to its state machine. */
export function inputOf({ key, trigger, event }: SagaSignal): SagaInput {
  if (trigger.tag === 'start') return { tag: 'start', key, event }
  return { tag: trigger.tag, step: trigger.step, payload: event.payload }
}
