import { blockingTarget } from '../core/blocking-target.ts'
import { printDuration } from '../core/quantity.ts'
import type { Stats } from '../core/stats.ts'
import type { Progress } from './progress.ts'

export interface HealthSettings {
  readonly heartbeatMs: number
}

/** One thing that keeps BinGo from doing its work, or that is worth knowing. */
export interface Finding {
  readonly code: string
  readonly message: string
}

export interface Health {
  readonly ready: boolean
  /** Why not. */
  readonly reasons: readonly Finding[]
  /** What is unusual but takes care of itself. */
  readonly notes: readonly Finding[]
}

/** The server is taken for lost after as many heartbeats without a sign of life. */
const SILENT_HEARTBEATS = 3
/** One failed save is a hiccup: the next is a quarter of a second away. */
const FAILING_SAVES = 4

/** Whether changes flow from the server to every target, and what is in the way if not. */
export function assess(stats: Stats, progress: Progress, settings: HealthSettings, nowMs: number): Health {
  if (stats.standby.role === 'standby') return { ready: false, reasons: [standbyFinding(stats)], notes: [] }
  const reasons: Finding[] = [
    ...leaseFindings(stats, nowMs),
    ...sourceFindings(stats, settings, nowMs),
    ...targetFindings(stats, nowMs),
    ...deadLetterFindings(stats, nowMs),
    ...checkpointFindings(progress),
  ]
  const notes: Finding[] = []
  if (stats.pausedByBackPressure) {
    notes.push({ code: 'BINGO_BACK_PRESSURE', message: `reading is paused: ${pauseReason(stats, nowMs)}` })
  }
  if (stats.connected && !stats.caughtUp) {
    notes.push({ code: 'BINGO_CATCHING_UP', message: `catching up, ${printDuration(progress.lagMs())} behind` })
  }
  return { ready: reasons.length === 0, reasons, notes }
}

/** All there is to say of an instance that waits: it is not meant to do anything. */
function standbyFinding({ standby: { leader } }: Stats): Finding {
  return {
    code: 'BINGO_STANDBY',
    message: leader === null ? 'standby: waiting for the lease' : `standby: ${leader} leads`,
  }
}

function leaseFindings({ standby: { unconfirmedSince } }: Stats, nowMs: number): Finding[] {
  if (unconfirmedSince === 0) return []
  const message = since('the lease cannot be renewed; nothing is delivered', unconfirmedSince, nowMs)
  return [{ code: 'BINGO_LEASE_UNCONFIRMED', message }]
}

function sourceFindings(stats: Stats, { heartbeatMs }: HealthSettings, nowMs: number): Finding[] {
  if (!stats.connected) {
    const message = stats.lastReceivedAt === 0 ? 'not connected to the source yet' : 'connection to the source is lost'
    return [{ code: 'BINGO_SOURCE_DISCONNECTED', message: since(message, stats.lastReceivedAt, nowMs) }]
  }
  // While we do not read, silence is our own doing.
  const silentMs = nowMs - stats.lastReceivedAt
  if (!stats.pausedByBackPressure && stats.lastReceivedAt > 0 && silentMs > SILENT_HEARTBEATS * heartbeatMs) {
    return [
      { code: 'BINGO_SOURCE_SILENT', message: `no event or heartbeat from the source for ${printDuration(silentMs)}` },
    ]
  }
  return []
}

function pauseReason(stats: Stats, nowMs: number): string {
  const blocking = blockingTarget(stats)
  if (blocking === null) return `${stats.inFlightJobs} changes fill the budget of ${stats.budgetBytes} bytes`
  const { queued, inFlightBytes, downSince } = blocking.target
  const down = since(`target ${blocking.id} is down`, downSince, nowMs)
  return `${down}, and its ${queued} changes hold ${inFlightBytes} of the ${stats.budgetBytes} bytes of the budget`
}

function targetFindings(stats: Stats, nowMs: number): Finding[] {
  const findings: Finding[] = []
  for (const [id, target] of stats.targets) {
    if (target.downSince === 0) continue
    const error = target.lastError === null ? '' : `: ${target.lastError}`
    findings.push({
      code: 'BINGO_TARGET_DOWN',
      message: `${since(`target ${id} is down`, target.downSince, nowMs)}${error}`,
    })
  }
  return findings
}

/** The reason that the store gave, under its own code: full and out of reach need different hands. */
function deadLetterFindings({ deadLetters: { blockedSince, blockedBy } }: Stats, nowMs: number): Finding[] {
  if (blockedSince === 0 || blockedBy === null) return []
  return [{ code: blockedBy.code, message: since(`${blockedBy.message}; events wait`, blockedSince, nowMs) }]
}

function checkpointFindings(progress: Progress): Finding[] {
  const failures = progress.checkpointFailures()
  if (failures < FAILING_SAVES) return []
  return [{ code: 'BINGO_CHECKPOINT_FAILING', message: `the checkpoint could not be saved ${failures} times in a row` }]
}

function since(message: string, atMs: number, nowMs: number): string {
  return atMs === 0 ? message : `${message} (for ${printDuration(Math.max(0, nowMs - atMs))})`
}
