import type { SagaPlan, StepPlan, StepRetry } from '../../model/saga/definition.ts'
import {
  commandId,
  type SagaFailure,
  type SagaInstance,
  type SagaOp,
  type StepState,
} from '../../model/saga/instance.ts'
import type { Hold, OutgoingCommand } from '../contract.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** A step of the instance that is being changed. */
export interface DraftStep {
  readonly plan: StepPlan
  readonly state: Writable<StepState>
}

/** An instance while one input is applied to it. */
export class Draft {
  readonly plan: SagaPlan
  readonly now: number
  readonly instance: Writable<SagaInstance>
  readonly stages: readonly (readonly DraftStep[])[]
  /** Something is another than before. */
  changed = false

  constructor(plan: SagaPlan, instance: SagaInstance, now: number) {
    this.plan = plan
    this.now = now
    this.instance = { ...instance }
    this.stages = plan.stages.map((steps) =>
      steps.map((step) => ({ plan: step, state: { ...(instance.steps[step.id] ?? PENDING) } })),
    )
  }

  get steps(): readonly DraftStep[] {
    return this.stages.flat()
  }

  step(id: string): DraftStep | undefined {
    return this.steps.find(({ plan }) => plan.id === id)
  }

  /** As it is now. */
  snapshot(): SagaInstance {
    const steps = Object.fromEntries(this.steps.map(({ plan, state }) => [plan.id, { ...state }]))
    return { ...this.instance, steps }
  }

  failure(code: string, message: string): SagaFailure {
    return { at: this.now, code, message }
  }

  /** The last thing of every transition: what is to be sent now goes out, or later, where it has to wait. */
  issue(hold: Hold | undefined): readonly OutgoingCommand[] {
    return this.steps.flatMap(({ plan, state }) => {
      if (state.sendAt === null || state.sendAt > this.now || state.sentAt !== null) return []
      const op: SagaOp = state.status === 'undoing' ? 'undo' : 'do'
      const holdMs = hold?.(plan.id, op)
      if (holdMs !== undefined) {
        if (holdMs > 0) this.changed = true
        state.sendAt = this.now + holdMs
        return []
      }
      const attempt = op === 'do' ? (state.attempts += 1) : (state.undoAttempts += 1)
      state.sentAt = this.now
      state.sendAt = null
      this.changed = true
      return [{ id: commandId(this.instance, plan.id, op), step: plan.id, op, attempt }]
    })
  }

  timers(): readonly number[] {
    const times: number[] = []
    const running = this.instance.status === 'running'
    if (running && this.instance.deadlineAt !== null) times.push(this.instance.deadlineAt)
    for (const { state } of this.steps) {
      if (state.sendAt !== null && state.sentAt === null) times.push(state.sendAt)
      if (running && isOpen(state) && state.timeoutAt !== null) times.push(state.timeoutAt)
    }
    return times.toSorted((a, b) => a - b)
  }
}

export const PENDING: StepState = {
  status: 'pending',
  attempts: 0,
  undoAttempts: 0,
  failures: 0,
  sentAt: null,
  sendAt: null,
  timeoutAt: null,
  perhaps: false,
  early: null,
  output: null,
  failure: null,
  beganAt: null,
  endedAt: null,
}

/** Begun, and neither done nor failed. */
export function isOpen({ status }: Pick<StepState, 'status'>): boolean {
  return status === 'sending' || status === 'waiting'
}

/** How long to wait after that many sends. */
export function pauseMs({ minMs, maxMs }: StepRetry, sends: number, askedMs = 0): number {
  return Math.max(Math.min(maxMs, minMs * 2 ** Math.min(30, Math.max(0, sends - 1))), Math.min(maxMs, askedMs))
}
