import type { Value } from '../../model/event/row.ts'
import type { SagaFailure } from '../../model/saga/instance.ts'
import { beginCompensation } from './backward.ts'
import type { Draft, DraftStep } from './draft.ts'

/** Begins what comes next, as far as that is possible now. */
export function goOn(draft: Draft): void {
  for (const stage of draft.stages) {
    if (draft.instance.status !== 'running') return
    const fresh = stage.filter(({ state }) => state.status === 'pending')
    const wanted = fresh.map((step) => ({ step, isWanted: asks(draft, step) }))
    for (const { step, isWanted } of wanted) {
      if (draft.instance.status !== 'running') return
      if (isWanted !== undefined) begin(draft, step, isWanted)
    }
    if (stage.some(({ state }) => state.status !== 'done' && state.status !== 'skipped')) return
  }
  draft.changed = true
  draft.instance.status = 'completed'
  draft.instance.endedAt = draft.now
}

/** Undefined: its `when` cannot be answered, so the saga has failed. */
function asks(draft: Draft, step: DraftStep): boolean | undefined {
  try {
    return step.plan.when?.(draft.snapshot()) ?? true
  } catch (error) {
    const message = `when of ${step.plan.id}: ${error instanceof Error ? error.message : String(error)}`
    failStep(draft, step, draft.failure('BINGO_SAGA_WHEN', message), 'refused')
    return undefined
  }
}

function begin(draft: Draft, step: DraftStep, isWanted: boolean): void {
  const { state, plan } = step
  draft.changed = true
  state.beganAt = draft.now
  if (!isWanted) {
    state.status = 'skipped'
    state.endedAt = draft.now
  } else if (state.early === 'rejected') {
    failStep(draft, step, rejected(draft, step), 'refused')
  } else {
    state.status = 'sending'
    state.sendAt = draft.now
    state.timeoutAt = plan.timeoutMs === null ? null : draft.now + plan.timeoutMs
  }
}

export function rejected(draft: Draft, { plan }: DraftStep): SagaFailure {
  return draft.failure('BINGO_SAGA_REJECTED', `${plan.id} was rejected`)
}

/** The step did not come to its end: what was done so far is undone. */
export function failStep(draft: Draft, step: DraftStep, failure: SagaFailure, as: 'refused' | 'unknown'): void {
  const { state } = step
  draft.changed = true
  state.status = as
  state.failure = failure
  state.sendAt = null
  state.endedAt = draft.now
  if (draft.instance.status === 'running') beginCompensation(draft, failure)
}

export function stepDone(draft: Draft, { state }: DraftStep): void {
  draft.changed = true
  state.status = 'done'
  state.sendAt = null
  state.endedAt = draft.now
}

/** What a step gives to later ones: the answer of its action, and the payload of the event that confirmed it, which wins. */
export function mergedOutput(answer: Value, payload: Value): Value {
  if (isMap(answer) && isMap(payload)) return { ...answer, ...payload }
  return payload ?? answer
}

function isMap(value: Value): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
