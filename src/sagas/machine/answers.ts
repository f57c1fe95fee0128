import type { CommandOutcome, SagaInput } from '../contract.ts'
import type { Draft, DraftStep } from './draft.ts'
import { isOpen, pauseMs } from './draft.ts'
import { failStep, mergedOutput, rejected, stepDone } from './forward.ts'

/** What a command led to. Answers why it says nothing new, or null. */
export function applyAnswer(draft: Draft, answer: SagaInput & { readonly tag: 'answer' }): string | null {
  const step = draft.step(answer.step)
  if (step === undefined) return NO_STEP
  const { state } = step
  const isUndo = state.status === 'undoing'
  const sends = isUndo ? state.undoAttempts : state.attempts
  if (state.sentAt === null || isUndo !== (answer.op === 'undo') || sends !== answer.attempt) return STALE
  draft.changed = true
  state.sentAt = null
  if (isUndo) answerUndo(draft, step, answer.outcome)
  else if (state.status === 'sending') answerDo(draft, step, answer.outcome)
  else answerLate(step, answer.outcome)
  return null
}

/** It timed out, or was rejected, while it was on its way. */
function answerLate({ state, plan }: DraftStep, outcome: CommandOutcome): void {
  const isUntouched = outcome.tag === 'refused' || (outcome.tag === 'failed' && outcome.untouched === true)
  if (state.status === 'unknown' && isUntouched && !state.perhaps) state.status = 'refused'
  if (state.status === 'refused' && outcome.tag === 'done' && !plan.confirms) state.status = 'unknown'
}

export const NO_STEP = 'the definition has no such step'
const STALE = 'nothing of this kind is on its way'

function answerDo(draft: Draft, step: DraftStep, outcome: CommandOutcome): void {
  const { state, plan } = step
  if (outcome.tag === 'done') {
    state.output = mergedOutput(outcome.value, state.early === 'confirmed' ? state.output : null)
    if (plan.confirms && state.early !== 'confirmed' && draft.instance.status === 'running') {
      state.status = 'waiting'
      state.failure = null
    } else stepDone(draft, step)
    return
  }
  const failure = draft.failure(outcome.code, outcome.message)
  if (outcome.tag === 'refused') {
    failStep(draft, step, failure, state.perhaps ? 'unknown' : 'refused')
    return
  }
  if (outcome.untouched !== true) state.perhaps = true
  if (!outcome.down) state.failures += 1
  const isOver = state.failures >= plan.retry.attempts || draft.instance.status !== 'running'
  if (isOver) {
    failStep(draft, step, failure, state.perhaps ? 'unknown' : 'refused')
    return
  }
  state.failure = failure
  state.sendAt = draft.now + pauseMs(plan.retry, state.attempts, outcome.retryAfterMs)
}

/** It never gives up. */
function answerUndo(draft: Draft, { state, plan }: DraftStep, outcome: CommandOutcome): void {
  if (plan.undo === null || plan.undo === 'none') return
  if (outcome.tag === 'done') {
    state.status = 'undone'
    state.failure = null
    return
  }
  const isUntouched = outcome.tag === 'failed' && outcome.untouched === true
  if (!isUntouched) state.failures += 1
  state.failure = draft.failure(outcome.code, outcome.message)
  const askedMs = outcome.tag === 'failed' ? outcome.retryAfterMs : undefined
  state.sendAt = draft.now + pauseMs(plan.undo.retry, state.undoAttempts, askedMs)
}

/** An event says that the step is done. Answers why it says nothing new, or null. */
export function applyConfirm(
  draft: Draft,
  { step: id, payload }: SagaInput & { readonly tag: 'confirm' },
): string | null {
  const step = draft.step(id)
  if (step === undefined) return NO_STEP
  const { state } = step
  const isRunning = draft.instance.status === 'running'
  if (isRunning && state.status === 'pending' && state.early === null) {
    state.early = 'confirmed'
    state.perhaps = true
    state.output = payload
    draft.changed = true
    return null
  }
  // The same event read again, after a restart: it says nothing of the command, which may not have reached anybody yet.
  if (state.status === 'sending' && state.early === 'confirmed') return 'it was confirmed before the step'
  // It was taken for not done, or was about to be: now it has to be undone.
  const isRefuted = state.status === 'refused' && draft.instance.status !== 'running'
  if (!isOpen(state) && !isRefuted) return `the step is ${state.status}`
  state.output = mergedOutput(state.output, payload)
  stepDone(draft, step)
  if (isRefuted && draft.instance.endedAt !== null) {
    draft.instance.status = 'compensating'
    draft.instance.endedAt = null
  }
  return null
}

/** An event says that the step was not done. Answers why it says nothing new, or null. */
export function applyReject(draft: Draft, { step: id }: SagaInput & { readonly tag: 'reject' }): string | null {
  const step = draft.step(id)
  if (step === undefined) return NO_STEP
  const { state } = step
  const { status } = draft.instance
  if (status === 'running' && state.status === 'pending' && state.early === null) {
    state.early = 'rejected'
    draft.changed = true
    return null
  }
  const isOpenOrUnknown = isOpen(state) || (state.status === 'unknown' && draft.instance.endedAt === null)
  if (!isOpenOrUnknown) return `the step is ${state.status}`
  failStep(draft, step, rejected(draft, step), 'refused')
  return null
}
