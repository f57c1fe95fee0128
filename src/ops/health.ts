import { printDuration } from '../model/quantity.ts'
import type { SourceState } from '../model/source/source-state.ts'
import type { Stats, StoreState } from '../model/stats.ts'
import { notesOf } from './notes.ts'
import { ofEachSource } from './of-each-source.ts'
import type { Progress } from './progress.ts'
import { since } from './since.ts'
import type { Finding } from './finding.ts'

export interface HealthSettings {
  readonly heartbeatMs: number
  /** Of sources, by name, that have one of their own. */
  readonly heartbeats?: ReadonlyMap<string, number> | undefined
  /** A target that is up and finishes nothing for so long is stalled. */
  readonly stallMs?: number | undefined
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
const STALL_MS = 120_000

/** Whether changes flow from the server to every target, and what is in the way if not. */
export function assess(stats: Stats, progress: Progress, settings: HealthSettings, nowMs: number): Health {
  if (stats.standby.role === 'standby') return { ready: false, reasons: [standbyFinding(stats)], notes: [] }
  if (stats.startWaitsFor !== null) return { ready: false, reasons: [stats.startWaitsFor], notes: [] }
  const reasons: Finding[] = [
    ...leaseFindings(stats, nowMs),
    ...ofEachSource(stats, (source, name) => {
      const heartbeatMs = settings.heartbeats?.get(name) ?? settings.heartbeatMs
      return sourceFindings(source, stats, progress, heartbeatMs, nowMs)
    }),
    ...targetFindings(stats, nowMs),
    ...stalledTargets(stats, progress, settings),
    ...storeFindings(stats.deadLetters, nowMs),
    ...storeFindings(stats.waiting, nowMs),
    ...ofEachSource(stats, checkpointFindings),
  ]
  return { ready: reasons.length === 0, reasons, notes: notesOf(stats, progress, nowMs) }
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
  const message = since('cannot renew the lease; delivery is suspended', unconfirmedSince, nowMs)
  return [{ code: 'BINGO_LEASE_UNCONFIRMED', message }]
}

function sourceFindings(
  source: SourceState,
  { budget }: Stats,
  progress: Progress,
  heartbeatMs: number,
  nowMs: number,
): Finding[] {
  const { downSince, lastError, lastReceivedAt, stalled } = source
  if (!source.connected) {
    const message = lastReceivedAt === 0 ? 'not connected to the source yet' : 'connection to the source lost'
    const why = lastError === null ? '' : `: ${lastError.code}: ${lastError.message}`
    return [{ code: 'BINGO_SOURCE_DISCONNECTED', message: `${since(message, downSince, nowMs)}${why}` }]
  }
  if (stalled !== null) {
    const message = since('the server has more events but sends only heartbeats', stalled.since, nowMs)
    return [{ code: 'BINGO_SOURCE_STALLED', message }]
  }
  // While we do not read, silence is our own doing.
  const silentMs = progress.silentMs(source)
  if (!budget.paused && lastReceivedAt > 0 && silentMs > SILENT_HEARTBEATS * heartbeatMs) {
    return [
      { code: 'BINGO_SOURCE_SILENT', message: `no event or heartbeat from the source for ${printDuration(silentMs)}` },
    ]
  }
  return []
}

function targetFindings(stats: Stats, nowMs: number): Finding[] {
  const findings: Finding[] = []
  for (const [id, target] of stats.targets) {
    // What no rule names any more, or an operator has paused, is a note, not a reason.
    if (target.downSince === 0 || target.unnamedSince > 0 || target.pausedSince > 0) continue
    const error = target.lastError === null ? '' : `: ${target.lastError}`
    findings.push({
      code: 'BINGO_TARGET_DOWN',
      message: `${since(`target ${id} is down`, target.downSince, nowMs)}${error}`,
    })
  }
  return findings
}

/** Read, but not delivered: nothing says that it is down, and nothing gets done. */
function stalledTargets(stats: Stats, progress: Progress, { stallMs = STALL_MS }: HealthSettings): Finding[] {
  progress.sample()
  const findings: Finding[] = []
  for (const [id, { queued, isShut, unnamedSince, lastError }] of stats.targets) {
    const stalledMs = progress.delivery.stalledMs(id)
    if (isShut || unnamedSince > 0 || queued === 0 || stalledMs < stallMs) continue
    const error = lastError === null ? '' : `: ${lastError}`
    const message = `${queued} actions wait for target ${id}, and none has finished for ${printDuration(stalledMs)}${error}`
    findings.push({ code: 'BINGO_DELIVERY_STALLED', message })
  }
  return findings
}

/** The reason that the store gave, under its own code: full and out of reach need different hands. */
function storeFindings({ blockedSince, blockedBy }: StoreState, nowMs: number): Finding[] {
  if (blockedSince === 0 || blockedBy === null) return []
  return [
    {
      code: blockedBy.code,
      message: since(`${withoutStop(blockedBy.message)}; events wait`, blockedSince, nowMs),
    },
  ]
}

function checkpointFindings({ failedSaves }: SourceState): Finding[] {
  if (failedSaves < FAILING_SAVES) return []
  const message = `saving the checkpoint failed ${failedSaves} times in a row`
  return [{ code: 'BINGO_CHECKPOINT_FAILING', message }]
}

function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '')
}
