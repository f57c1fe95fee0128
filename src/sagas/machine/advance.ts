import type { SagaPlan } from '../../model/saga/definition.ts'
import { hasEnded, type SagaInstance } from '../../model/saga/instance.ts'
import type { Advance, Advanced, Hold, SagaInput } from '../contract.ts'
import { applyAnswer, applyConfirm, applyReject } from './answers.ts'
import { beginCompensation, goBack, settleStuck } from './backward.ts'
import { Draft, isOpen, PENDING, type DraftStep } from './draft.ts'
import { failStep, goOn } from './forward.ts'
import { applyCommand } from './operator.ts'

/**
 * Applies one input. Everything that it leads to at this time is in the result: the next steps have begun, and their commands
 * are counted as sent. Whoever stores the instance before sending loses nothing: an instance that is found with commands on
 * their way, and nobody who sent them, gets `lost`, and they are sent again with the same ids.
 */
export const advance: Advance = (plan, instance, input, now, hold) => {
  if (instance === null) {
    if (input.tag === 'start') return settled(new Draft(plan, started(plan, input, now), now), null, null, hold)
    return { instance: null, commands: [], timers: [], ignored: 'there is no such instance' }
  }
  const draft = new Draft(plan, instance, now)
  return settled(draft, instance, apply(draft, input), hold)
}

function started(plan: SagaPlan, { key, event }: SagaInput & { readonly tag: 'start' }, now: number): SagaInstance {
  return {
    saga: plan.id,
    key,
    version: plan.version,
    status: 'running',
    startedAt: now,
    updatedAt: now,
    endedAt: null,
    deadlineAt: plan.deadlineMs === null ? null : now + plan.deadlineMs,
    failure: null,
    event,
    steps: Object.fromEntries(plan.stages.flat().map(({ id }) => [id, PENDING])),
    dueAt: null,
    epoch: 0,
    revision: 0,
  }
}

function apply(draft: Draft, input: SagaInput): string | null {
  switch (input.tag) {
    case 'start':
      return 'the instance exists already'
    case 'confirm':
      return applyConfirm(draft, input)
    case 'reject':
      return applyReject(draft, input)
    case 'answer':
      return applyAnswer(draft, input)
    case 'tick':
      return null
    case 'lost':
      applyLost(draft)
      return null
    case 'retry':
    case 'skip':
    case 'complete':
    case 'compensate':
      return applyCommand(draft, input)
  }
}

/** What was on its way may have arrived. It is sent again, which is the way to learn what became of it. */
function applyLost(draft: Draft): void {
  for (const { state } of draft.steps) {
    if (state.sentAt === null) continue
    draft.changed = true
    state.sentAt = null
    if (state.status === 'undoing') state.sendAt = draft.now
    if (state.status !== 'sending') continue
    state.perhaps = true
    if (draft.instance.status === 'running') state.sendAt = draft.now
    else {
      state.status = 'unknown'
      state.endedAt = draft.now
    }
  }
}

/** What time has brought about comes after the input: a confirmation that is here is not too late. */
function settled(draft: Draft, before: SagaInstance | null, ignored: string | null, hold: Hold | undefined): Advanced {
  const { instance } = draft
  passTime(draft)
  if (instance.status === 'running') goOn(draft)
  if (instance.status === 'compensating' || instance.status === 'stuck') goBack(draft)
  settleStuck(draft)
  const commands = draft.issue(hold)
  const timers = draft.timers()
  const dueAt = timers[0] ?? null
  if (!draft.changed && before?.dueAt === dueAt) return { instance: before, commands, timers, ignored }
  instance.updatedAt = draft.now
  instance.revision += 1
  instance.dueAt = dueAt
  return { instance: draft.snapshot(), commands, timers, ignored }
}

function passTime(draft: Draft): void {
  const { instance, now } = draft
  if (hasEnded(instance)) return
  for (const step of draft.steps) {
    const { state, plan } = step
    nearer(draft, step)
    if (instance.status !== 'running' || !isOpen(state) || state.timeoutAt === null || state.timeoutAt > now) continue
    const isUnknown = state.status === 'waiting' || state.sentAt !== null || state.perhaps
    const failure = draft.failure('BINGO_SAGA_TIMEOUT', `${plan.id} was not done in time`)
    failStep(draft, step, failure, isUnknown ? 'unknown' : 'refused')
  }
  if (instance.status !== 'running' || instance.deadlineAt === null || instance.deadlineAt > now) return
  beginCompensation(draft, draft.failure('BINGO_SAGA_DEADLINE', 'the deadline of the saga has passed'))
}

/** Somebody has set the clock back: no pause lasts longer than it may. */
function nearer({ now }: Draft, { state, plan: { retry, undo } }: DraftStep): void {
  if (state.sendAt === null) return
  const { maxMs } = state.status === 'undoing' && undo !== null && undo !== 'none' ? undo.retry : retry
  if (state.sendAt - now > maxMs) state.sendAt = now + maxMs
}
