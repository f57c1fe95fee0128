import {
  EVENT_STATUSES,
  type EventOutcome,
  type EventProgress,
  type EventStatus,
  OUTCOME_STATUSES,
} from '../model/event/posted/event-record.ts'
import { listOf, mapOf, number, oneOf, orNull, text, time } from '../model/json/shape.ts'
import { readStored } from '../model/json/stored.ts'
import type { ProgressUpdate } from '../model/state/event-provider.ts'
import { progressCorrupt } from './errors.ts'

const timeOrNull = orNull(time)

const PROGRESS = mapOf({
  status: oneOf(...EVENT_STATUSES),
  matched: number,
  createdAt: time,
  updatedAt: time,
  processedAt: timeOrNull,
  deliveredAt: timeOrNull,
  completedAt: timeOrNull,
  cancelledAt: timeOrNull,
  retryCount: number,
  error: orNull(text),
  outcomes: listOf(mapOf({ rule: text, action: number, status: oneOf(...OUTCOME_STATUSES), at: time })),
})

/** What a store keeps of it: null for one that has just been stored. Throws BINGO_LOG_CORRUPT, naming the event. */
export function readProgress(json: string | null, createdAt: number, id: string): EventProgress {
  if (json === null) return freshProgress(createdAt)
  return readStored(json, PROGRESS, (fault, cause) => progressCorrupt(id, fault, cause))
}

/** What is to be advanced: it begins again where nobody can read it, or one event would hold up what becomes of the others. */
export function knownProgress(json: string | null, createdAt: number): EventProgress {
  try {
    return readProgress(json, createdAt, '')
  } catch {
    return freshProgress(createdAt)
  }
}

/** Of an event that has just been stored. */
export function freshProgress(createdAt: number): EventProgress {
  return {
    status: 'pending',
    matched: 0,
    createdAt,
    updatedAt: createdAt,
    processedAt: null,
    deliveredAt: null,
    completedAt: null,
    cancelledAt: null,
    retryCount: 0,
    error: null,
    outcomes: [],
  }
}

/** What the update makes of it. A cancelled event stays cancelled. */
export function advance(progress: EventProgress, update: ProgressUpdate): EventProgress {
  if (progress.status === 'cancelled') return progress
  const outcomes = update.outcomes === undefined ? progress.outcomes : merge(progress.outcomes, update.outcomes)
  const repaired = progress.status === 'failed' && outcomes.every(({ status }) => status !== 'failed')
  const status = update.status ?? (repaired && update.outcomes !== undefined ? 'completed' : progress.status)
  const { at } = update
  const delivered = update.outcomes?.some((outcome) => outcome.status === 'done') === true
  return {
    ...progress,
    status,
    matched: update.matched ?? progress.matched,
    updatedAt: Math.max(progress.updatedAt, at),
    processedAt: progress.processedAt ?? (status === 'pending' ? null : at),
    deliveredAt: delivered ? at : progress.deliveredAt,
    completedAt: status === 'completed' ? (progress.completedAt ?? at) : null,
    retryCount: progress.retryCount + (update.retried === true ? 1 : 0),
    error: update.error === undefined ? (status === 'completed' ? null : progress.error) : update.error,
    outcomes,
  }
}

/** What is written of an event that has no progress yet, but for when it was stored: that, only its store knows. */
export interface FirstProgress {
  readonly status: EventStatus
  /** Or when it was stored, if that is later. */
  readonly updatedAt: number
  /** Of the JSON of its EventProgress, behind `{"createdAt":…,"updatedAt":…,`. */
  readonly rest: string
}

export function firstProgress(updates: readonly ProgressUpdate[]): FirstProgress {
  const { createdAt: _stored, updatedAt, ...rest } = updates.reduce(advance, freshProgress(0))
  return { status: rest.status, updatedAt, rest: JSON.stringify(rest).slice(1) }
}

/** It goes through its rules once more. What became of it before stays visible until it is replaced. */
export function replayed(progress: EventProgress, now: number): EventProgress {
  const retryCount = progress.retryCount + 1
  return { ...progress, status: 'pending', updatedAt: now, completedAt: null, error: null, retryCount }
}

export function cancelled(progress: EventProgress, now: number): EventProgress {
  return { ...progress, status: 'cancelled', updatedAt: now, cancelledAt: now }
}

/** Nothing more is to come of it by itself. */
export function hasEnded({ status }: EventProgress): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled'
}

function merge(known: readonly EventOutcome[], added: readonly EventOutcome[]): readonly EventOutcome[] {
  const outcomes = [...known]
  for (const outcome of added) {
    const index = outcomes.findIndex(({ rule, action }) => rule === outcome.rule && action === outcome.action)
    if (index < 0) outcomes.push(outcome)
    else outcomes[index] = outcome
  }
  return outcomes
}
