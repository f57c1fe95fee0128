/** Moments at which a daemon that runs with test/fault/failpoints.ts can be made to die. */
export const FAILPOINTS = [
  /** A row was read and matched; nothing of it has left. */
  'row-read',
  /** The effect is on its way in the socket; its answer has not been read. */
  'effect-sent',
  /** The target has answered; nobody has noted it yet. */
  'effect-acknowledged',
  'dead-letter-written',
  /** The checkpoint is in the socket; its answer has not been read. */
  'checkpoint-sent',
  'checkpoint-acknowledged',
  /** The new rules are in force; their targets are not open yet. */
  'reload',
  /** Told to stop; what waits is being sent. */
  'stop-draining',
  /** Told to stop; the last checkpoint is about to be sent. */
  'stop-saving',
] as const

export type Failpoint = (typeof FAILPOINTS)[number]

/** `NAME:N`: dies when it passes there for the Nth time. */
export const FAILPOINT_VARIABLE = 'BINGO_TEST_FAILPOINT'

/** Moments in the life of a posted event (failpoints/events.ts). */
export const EVENT_FAILPOINTS = [
  /** The request was read and checked; nothing of it is stored. */
  'event-parsed',
  /** Written, and not committed (SQLite); on its way to the server. */
  'event-inserted',
  /** Durable; nobody was told. */
  'event-committed',
  /** A waiting event that was posted again has its new fields; nobody was told. */
  'event-updated',
  'event-cancelled',
  /** Due: it is in the log, and still among those that wait (in one transaction). */
  'event-due',
  /** Read from the log; nothing of it has left. */
  'event-read',
  'effect-sent',
  'effect-acknowledged',
  /** Its status is written; its place is not acknowledged. */
  'event-status-written',
  /** The checkpoint behind it is saved; its place is not acknowledged. */
  'event-checkpoint-saved',
  'event-place-acknowledged',
] as const

export type EventFailpoint = (typeof EVENT_FAILPOINTS)[number]

/** Moments of what waits in the store: delayed, spooled, cancelled (failpoints/waiting.ts). */
export const WAITING_FAILPOINTS = [
  /** On its way to its line; nothing is written. */
  'waiting-delayed',
  'waiting-spooled',
  /** Written and not committed (SQLite); in the socket (Redis). */
  'waiting-adding',
  /** Durable; the checkpoint still waits for it. */
  'waiting-added',
  'waiting-removing',
  'waiting-removed',
  /** A record is due; its job is made. */
  'waiting-due',
  /** A record of a spool was loaded; its job is made. */
  'waiting-loaded',
  /** The last record of a spool was read. */
  'waiting-drained',
  'waiting-cancelling',
  /** The records are gone; the checkpoint still waits for the change that cancelled them. */
  'waiting-cancelled',
  /** Told to stop; everything that waits is stored. */
  'waiting-flushed',
  'effect-sent',
  'effect-acknowledged',
  'checkpoint-sent',
  'checkpoint-acknowledged',
] as const

export type WaitingFailpoint = (typeof WAITING_FAILPOINTS)[number]

/** Moments in the life of a saga (failpoints/sagas.ts): before and after everything that it does. */
export const SAGA_FAILPOINTS = [
  /** An event that starts an instance was read; nothing is stored. */
  'saga-start-read',
  /** Written and not committed (SQLite); on its way to the server. */
  'saga-start-writing',
  'saga-start-stored',
  /** The transition that sends it is stored; it has not left. */
  'saga-command-sending',
  /** The service has the command; its answer has not been read. */
  'saga-command-sent',
  /** The service has answered; nothing of that is stored. */
  'saga-command-answered',
  'saga-confirmation-read',
  'saga-confirmation-stored',
  'saga-transition-writing',
  'saga-transition-stored',
  /** Instances that are due were read; nothing was done about them. */
  'saga-timer-due',
  /** What the timer led to is stored; nothing of it has left. */
  'saga-timer-fired',
  'saga-undo-sending',
  'saga-undo-sent',
  'saga-undo-answered',
  /** The step is undone, and the instance goes on to the one before it, or ends. */
  'saga-undo-stored',
] as const

export type SagaFailpoint = (typeof SAGA_FAILPOINTS)[number]
