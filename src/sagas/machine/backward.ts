import type { SagaFailure } from '../../model/saga/instance.ts'
import type { Draft, DraftStep } from './draft.ts'

/** From here on nothing is done any more, and what was done, or perhaps was, is undone. */
export function beginCompensation(draft: Draft, failure: SagaFailure): void {
  const { instance } = draft
  draft.changed = true
  instance.status = 'compensating'
  instance.failure = failure
  instance.endedAt = null
  for (const { state } of draft.steps) {
    if (state.status === 'waiting') state.status = 'unknown'
    // What is on its way is waited for: an undo must not overtake it.
    if (state.status !== 'sending' || state.sentAt !== null) continue
    state.sendAt = null
    if (state.attempts === 0) {
      state.status = 'pending'
      state.beganAt = null
    } else state.status = state.perhaps ? 'unknown' : 'refused'
  }
}

/** Undoes what comes next, in the reverse order of the stages; the steps of one at the same time. */
export function goBack(draft: Draft): void {
  for (const stage of draft.stages.toReversed()) {
    for (const step of stage) undo(draft, step)
    if (stage.some(({ state }) => state.status === 'undoing' || state.sentAt !== null)) return
  }
  const { instance } = draft
  const isKept = draft.steps.some(({ state }) => state.status === 'kept')
  draft.changed = true
  instance.status = isKept ? 'failed' : 'compensated'
  instance.endedAt = draft.now
}

function undo(draft: Draft, { state, plan }: DraftStep): void {
  if ((state.status !== 'done' && state.status !== 'unknown') || state.sentAt !== null) return
  draft.changed = true
  if (plan.undo === null) state.status = 'kept'
  else if (plan.undo === 'none') state.status = 'undone'
  else {
    state.status = 'undoing'
    state.sendAt = draft.now
    state.failures = 0
  }
}

/** Stuck for as long as the undo of some step has failed that often. */
export function settleStuck(draft: Draft): void {
  const { instance } = draft
  if (instance.status !== 'compensating' && instance.status !== 'stuck') return
  const stuck = draft.steps.some(
    ({ state, plan }) =>
      state.status === 'undoing' &&
      plan.undo !== null &&
      plan.undo !== 'none' &&
      state.failures >= plan.undo.retry.attempts,
  )
  const status = stuck ? 'stuck' : 'compensating'
  if (status === instance.status) return
  draft.changed = true
  instance.status = status
}
