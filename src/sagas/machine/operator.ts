import { hasEnded } from '../../model/saga/instance.ts'
import type { SagaCommand } from '../contract.ts'
import { NO_STEP } from './answers.ts'
import { beginCompensation } from './backward.ts'
import { isOpen, type Draft, type DraftStep } from './draft.ts'
import { stepDone } from './forward.ts'

/** What an operator asks for. Answers why that cannot be, or null. */
export function applyCommand(draft: Draft, command: SagaCommand): string | null {
  const { instance } = draft
  if (command.tag === 'compensate') {
    if (instance.status !== 'running' && instance.status !== 'completed') return `the instance is ${instance.status}`
    const message = command.reason ?? 'cancelled by an operator'
    beginCompensation(draft, draft.failure('BINGO_SAGA_CANCELLED', message))
    return null
  }
  if (hasEnded(instance)) return `the instance is ${instance.status}`
  if (command.tag === 'complete') {
    complete(draft)
    return null
  }
  if (command.step !== undefined && draft.step(command.step) === undefined) return NO_STEP
  const chosen = draft.steps.filter(
    ({ plan, state }) => (command.step ?? plan.id) === plan.id && (isOpen(state) || state.status === 'undoing'),
  )
  if (command.tag === 'skip' && chosen.length === 0 && command.step !== undefined) {
    return skipPending(draft, draft.step(command.step)!)
  }
  if (chosen.length === 0) return 'the instance is at no such step'
  for (const step of chosen) {
    if (command.tag === 'skip') skip(draft, step)
    else retry(draft, step)
  }
  return null
}

function retry(draft: Draft, { state }: DraftStep): void {
  draft.changed = true
  state.failures = 0
  // What is on its way has its answer first.
  if (state.sentAt !== null) return
  if (state.status === 'waiting') state.status = 'sending'
  state.sendAt = draft.now
}

function skip(draft: Draft, step: DraftStep): void {
  const { state } = step
  if (state.status !== 'undoing') {
    stepDone(draft, step)
    return
  }
  draft.changed = true
  state.status = 'undone'
  state.sendAt = null
}

function skipPending(draft: Draft, { state }: DraftStep): string | null {
  if (state.status !== 'pending' || draft.instance.status !== 'running') return `the step is ${state.status}`
  draft.changed = true
  state.status = 'skipped'
  state.endedAt = draft.now
  return null
}

function complete(draft: Draft): void {
  const { instance } = draft
  const isForward = instance.status === 'running'
  for (const step of draft.steps) {
    const { state } = step
    if (isOpen(state)) stepDone(draft, step)
    else if (isForward && state.status === 'pending') state.status = 'skipped'
    else if (state.status === 'undoing') state.status = 'undone'
    state.sendAt = null
  }
  draft.changed = true
  instance.status = isForward ? 'completed' : 'compensated'
  instance.endedAt = draft.now
}
