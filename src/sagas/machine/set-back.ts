import type { SagaInstance, StepState } from '../../model/saga/instance.ts'

/**
 * An instance that was written later than now: whoever wrote it had a clock that somebody has set back since. What is left of its
 * pauses, timeouts and deadline stays as it was; else a retry that was due in a second would wait for as long as the clock was set back.
 */
export function afterSetBack(instance: SagaInstance, now: number): SagaInstance {
  const backMs = instance.updatedAt - now
  if (backMs <= 0) return instance
  const nearer = (at: number | null): number | null => (at === null ? null : at - backMs)
  const shifted = (state: StepState): StepState => ({
    ...state,
    sendAt: nearer(state.sendAt),
    timeoutAt: nearer(state.timeoutAt),
  })
  const steps = Object.fromEntries(Object.entries(instance.steps).map(([id, state]) => [id, shifted(state)]))
  const { deadlineAt, dueAt, revision } = instance
  return {
    ...instance,
    steps,
    deadlineAt: nearer(deadlineAt),
    dueAt: nearer(dueAt),
    updatedAt: now,
    revision: revision + 1,
  }
}
