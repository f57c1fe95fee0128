import type { EventEnvelope } from '../event/posted/event-record.ts'
import type { Value } from '../event/row.ts'

/**
 * running → completed; or → compensating → compensated, or failed where something was done that has no `compensate`.
 * stuck: compensating, and an undo has failed so often that somebody should look; it is still repeated.
 */
export type SagaStatus = 'running' | 'compensating' | 'completed' | 'compensated' | 'failed' | 'stuck'

export const SAGA_STATUSES: readonly SagaStatus[] = [
  'running',
  'compensating',
  'completed',
  'compensated',
  'failed',
  'stuck',
]

/**
 * pending: its turn has not come. skipped: its `when` was false, or an operator said so. sending: the command is journaled,
 * and not acknowledged. waiting: acknowledged, not confirmed. done. refused: it is certain that nothing was done. unknown:
 * perhaps done. undoing → undone. kept: done or perhaps done, without `compensate`.
 */
export const STEP_STATUSES = [
  'pending',
  'skipped',
  'sending',
  'waiting',
  'done',
  'refused',
  'unknown',
  'undoing',
  'undone',
  'kept',
] as const

export type StepStatus = (typeof STEP_STATUSES)[number]

export type SagaOp = 'do' | 'undo'

export interface SagaFailure {
  readonly at: number
  /** `BINGO_…` of the action; BINGO_SAGA_TIMEOUT, …_REJECTED, …_DEADLINE, …_CANCELLED, …_WHEN of the saga. */
  readonly code: string
  readonly message: string
}

export interface StepState {
  readonly status: StepStatus
  /** Sends of the do, and of the undo. */
  readonly attempts: number
  readonly undoAttempts: number
  /** Of the present op, as far as they count. */
  readonly failures: number
  /** When the present send went out; null: none is on its way. Its answer names the attempt. */
  readonly sentAt: number | null
  /** When the command of this status is to be sent, or sent again; null: nothing is to be sent. */
  readonly sendAt: number | null
  /** When the step has timed out; null: it has not begun, or never. */
  readonly timeoutAt: number | null
  /** A send may have had its effect although it failed: a later refusal does not prove that nothing was done. */
  readonly perhaps: boolean
  /** An event that came before the step could take it. */
  readonly early: 'confirmed' | 'rejected' | null
  /** The answer of the action, with the payload of the event that confirmed it. */
  readonly output: Value
  /** The last. */
  readonly failure: SagaFailure | null
  readonly beganAt: number | null
  readonly endedAt: number | null
}

/** The event that started it; of a row the event that it is, with payload {new, old, key, changed}. */
export type SagaEvent = Omit<EventEnvelope, 'instanceId' | 'deliverAt'>

/** Times are milliseconds since 1970. */
export interface SagaInstance {
  readonly saga: string
  /** Unique with `saga` until the instance is removed, some time after its end. */
  readonly key: string
  /** Of the definition that it began with. */
  readonly version: string
  readonly status: SagaStatus
  readonly startedAt: number
  readonly updatedAt: number
  readonly endedAt: number | null
  readonly deadlineAt: number | null
  /** Why it does not go on as planned. */
  readonly failure: SagaFailure | null
  readonly event: SagaEvent
  /** Of the steps in `steps`, by their ids. */
  readonly steps: { readonly [step: string]: StepState }
  /** When it has to be looked at again; null: only an input changes it. */
  readonly dueAt: number | null
  /** Of the leader that wrote it last. */
  readonly epoch: number
  /** Counts its transitions, from 1. */
  readonly revision: number
}

export type SagaRef = Pick<SagaInstance, 'saga' | 'key'>

/** What could not stand in a header, or would be taken for a separator: everything else is written as %HH. */
const UNSAFE = /[^A-Za-z0-9_:-]/gu

function encoded(part: string): string {
  return part
    .toWellFormed()
    .replaceAll(UNSAFE, (character) => Buffer.from(character).toString('hex').toUpperCase().replaceAll(/../g, '%$&'))
}

/** `SAGA/KEY`: an instance as participants know it. */
export function instanceName({ saga, key }: SagaRef): string {
  return `${encoded(saga)}/${encoded(key)}`
}

/** `SAGA/KEY/STEP/do`: what a participant recognises a command by, however often it comes. */
export function commandId(ref: SagaRef, step: string, op: SagaOp): string {
  return `${instanceName(ref)}/${encoded(step)}/${op}`
}

export function hasEnded({ status }: Pick<SagaInstance, 'status'>): boolean {
  return status === 'completed' || status === 'compensated' || status === 'failed'
}
