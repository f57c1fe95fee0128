import type { Budget } from '../model/delivery/budget.ts'
import { RULE_PREFIX, SPOOL_PREFIX } from '../model/delivery/waiting.ts'
import { printBytes, printDuration } from '../model/quantity.ts'
import { isPurgeNear } from '../model/source/retention.ts'
import type { SourceState } from '../model/source/source-state.ts'
import type { Stats } from '../model/stats.ts'
import type { Finding } from './finding.ts'
import { ofEachSource } from './of-each-source.ts'
import type { Progress } from './progress.ts'
import { since } from './since.ts'

/** A gap, or a start without a checkpoint, is news for a day. */
const NEWS_MS = 86_400_000

/** What is unusual and takes care of itself, or wants a look; it does not make BinGo unready. */
export function notesOf(stats: Stats, progress: Progress, nowMs: number): Finding[] {
  return [
    backPressure(stats.budget, nowMs),
    ...ofEachSource(stats, (source) => behind(source, progress)),
    ...ofEachSource(stats, purge),
    letters(progress),
    ...ofEachSource(stats, (source) => gap(source, nowMs)),
    reload(stats, nowMs),
    ...unnamedTargets(stats, nowMs),
    ...pausedTargets(stats, nowMs),
    ...spools(stats, nowMs),
    ...suspendedRules(stats, nowMs),
    ...ofEachSource(stats, (source) => firstStart(source, nowMs)),
    ...sagas(stats, nowMs),
    noReader(stats),
    noWorker(stats),
    otherRules(stats),
  ].filter((note) => note !== null)
}

function backPressure(budget: Budget, nowMs: number): Finding | null {
  if (!budget.paused) return null
  return { code: 'BINGO_BACK_PRESSURE', message: `reading is paused: ${pauseReason(budget, nowMs)}` }
}

function pauseReason(budget: Budget, nowMs: number): string {
  const blocking = budget.blockingTarget()
  if (blocking !== null) {
    const { id, queued, inFlightBytes, downSince, pausedSince } = blocking
    const down =
      pausedSince > 0
        ? since(`target ${id} is paused`, pausedSince, nowMs)
        : since(`target ${id} is down`, downSince, nowMs)
    return `${down}, and its backlog of ${queued} changes holds ${inFlightBytes} of the ${budget.limitBytes} bytes of the memory budget`
  }
  const [longest] = [...budget.targets.values()].toSorted((one, other) => other.queued - one.queued)
  const most = longest === undefined || longest.queued === 0 ? '' : `; ${longest.queued} wait for target ${longest.id}`
  return `${budget.jobs} changes in flight fill the memory budget of ${budget.limitBytes} bytes${most}`
}

function behind(source: SourceState, progress: Progress): Finding | null {
  const { connected, caughtUp, endUnknown } = source
  if (!connected || caughtUp) return null
  if (endUnknown !== null) {
    const message = `cannot query the server's end of the binlog, so the real lag may be smaller: ${endUnknown}`
    return { code: 'BINGO_SOURCE_END_UNKNOWN', message }
  }
  return { code: 'BINGO_CATCHING_UP', message: `catching up, ${printDuration(progress.lagMs(source))} behind` }
}

function purge({ retention }: SourceState): Finding | null {
  if (retention === null || !isPurgeNear(retention)) return null
  const { headroomMs, headroomBytes, backlogBytes } = retention
  const left = headroomMs === null ? `after ${printBytes(headroomBytes ?? 0)} more` : `in ${printDuration(headroomMs)}`
  const message = `the server may purge unprocessed binlogs ${left}; ${printBytes(backlogBytes)} of backlog remain`
  return { code: 'BINGO_PURGE_NEAR', message }
}

function letters(progress: Progress): Finding | null {
  const count = progress.delivery.freshLetters()
  if (count === 0) return null
  const message = `${count} event${count === 1 ? '' : 's'} recently moved to the dead letters: bingo dead-letters list`
  return { code: 'BINGO_DEAD_LETTERS_GROWING', message }
}

function reload({ reload: { refusedSince, problem } }: Stats, nowMs: number): Finding | null {
  if (refusedSince === 0) return null
  const message = since('invalid rules, keeping the previous ones', refusedSince, nowMs)
  return { code: 'BINGO_RULES_NOT_RELOADED', message: `${message}, a restart would fail: ${problem ?? ''}` }
}

/** The rules were changed while events waited for it; nothing new goes there. */
function unnamedTargets({ targets }: Stats, nowMs: number): Finding[] {
  return [...targets].flatMap(([id, { unnamedSince, queued, downSince, lastError }]) => {
    if (unnamedSince === 0) return []
    const down =
      downSince === 0 ? '' : `; ${since('it is down', downSince, nowMs)}${lastError === null ? '' : `: ${lastError}`}`
    const message = `no rule or saga references target ${id} any more, but ${queued} events wait for it${down}: bingo targets drop '${id}' moves them to the dead letters`
    return [{ code: 'BINGO_TARGET_UNNAMED', message }]
  })
}

function pausedTargets({ targets }: Stats, nowMs: number): Finding[] {
  return [...targets].flatMap(([id, { pausedSince, queued }]) => {
    if (pausedSince === 0) return []
    const paused = since(`target ${id} is paused`, pausedSince, nowMs)
    return [
      {
        code: 'BINGO_TARGET_PAUSED',
        message: `${paused}, and ${queued} events wait for it in memory: bingo targets resume '${id}'`,
      },
    ]
  })
}

/** Workers alone have nothing to do, which looks like a database in which nothing happens. */
function noReader({ scale }: Stats): Finding | null {
  // Empty until the first look.
  const members = scale?.members() ?? []
  if (scale?.role !== 'worker' || members.length === 0 || members.some(({ role }) => role === 'reader')) return null
  const message = 'no reader of this name runs, so nothing new reaches the workers: bingo run --role reader'
  return { code: 'BINGO_SCALE_NO_READER', message }
}

function noWorker({ scale }: Stats): Finding | null {
  const members = scale?.members() ?? []
  if (scale?.role !== 'reader' || members.length === 0 || members.some(({ role }) => role === 'worker')) return null
  const message = 'no worker of this name runs, so what the reader appends waits in the log: bingo run --role worker'
  return { code: 'BINGO_SCALE_NO_WORKER', message }
}

/** A worker skips what only rules of the reader want, and never sees what only its own want; each sends where its targets say. */
function otherRules({ scale }: Stats): Finding | null {
  const members = scale?.members() ?? []
  if (new Set(members.map(({ rules }) => rules)).size < 2) return null
  const message =
    'reader and workers have different rules or targets: bingo status shows which; give all of them the same files'
  return { code: 'BINGO_SCALE_RULES_DIFFER', message }
}

function sagas({ sagas: state }: Stats, nowMs: number): Finding[] {
  if (state === null) return []
  const stuck = state.counts.filter(({ status }) => status === 'stuck')
  const count = stuck.reduce((sum, each) => sum + each.count, 0)
  const notes: Finding[] = []
  if (count > 0) {
    const oldest = printDuration(nowMs - Math.min(...stuck.map(({ oldestMs }) => oldestMs)))
    const are = count === 1 ? '1 saga is stuck' : `${count} sagas are stuck`
    const message = `${are}, the oldest began ${oldest} ago: their compensation keeps failing: bingo sagas list --status stuck`
    notes.push({ code: 'BINGO_SAGA_STUCK', message })
  }
  if (state.blockedSince > 0) {
    const message = since('sagas wait for their store', state.blockedSince, nowMs)
    notes.push({ code: state.blockedBy!.code, message: `${message}: ${state.blockedBy!.message}` })
  }
  for (const [name, why] of state.unusable) {
    const message = `sagas of ${name} wait: the definition that they began with cannot be used: ${why}`
    notes.push({ code: 'BINGO_SAGA_DEFINITION', message })
  }
  return notes
}

function suspendedRules({ waiting }: Stats, nowMs: number): Finding[] {
  return [...waiting.suspendedRules].map(([rule, { since: at, code, message }]) => {
    const count = waiting.lines.get(RULE_PREFIX + rule)?.count ?? 0
    const why = since(`rule ${rule} is suspended`, at, nowMs)
    return {
      code: 'BINGO_RULE_SUSPENDED',
      message: `${why}, and ${count} of its events wait until it is changed: ${code}: ${message}`,
    }
  })
}

function spools({ waiting }: Stats, nowMs: number): Finding[] {
  return [...waiting.lines]
    .filter(([line]) => line.startsWith(SPOOL_PREFIX))
    .map(([line, { count, bytes, oldestMs }]) => {
      const age = printDuration(Math.max(0, nowMs - oldestMs))
      const target = line.slice(SPOOL_PREFIX.length)
      const message = `${count} events (${printBytes(bytes)}) wait in the store for target ${target}, the oldest for ${age}`
      return { code: 'BINGO_SPOOL', message }
    })
}

function gap({ lastGapAt }: SourceState, nowMs: number): Finding | null {
  if (lastGapAt === 0 || nowMs - lastGapAt > NEWS_MS) return null
  return {
    code: 'BINGO_GAP_PASSED',
    message: `changes were skipped at ${new Date(lastGapAt).toISOString()}: bingo status`,
  }
}

function firstStart({ startedWithoutCheckpointAt: at }: SourceState, nowMs: number): Finding | null {
  if (at === 0 || nowMs - at > NEWS_MS) return null
  return {
    code: 'BINGO_FIRST_START',
    message: `no checkpoint was found at ${new Date(at).toISOString()}, so earlier changes were not read. If that was not the first start: bingo position set`,
  }
}
