import type { Log } from '../../../../model/rule/action.ts'
import type { Clock } from '../../../../model/clock.ts'
import { printDuration } from '../../../../model/quantity.ts'
import type { SourcePosition } from '../../../../model/source/position.ts'
import { isPurgeNear, type Retention } from '../../../../model/source/retention.ts'
import type { SourceState } from '../../../../model/source/source-state.ts'
import { binlogFiles } from '../binlog-status.ts'
import type { ControlConnection } from '../login/control-connection.ts'
import type { PositionedFeed } from '../../replica/feed.ts'
import { purgeHeadroom } from './purge-headroom.ts'
import { text } from '../server-facts.ts'

export interface RetentionDeps {
  readonly control: ControlConnection
  readonly feed: PositionedFeed
  /** The checkpoint's position: what lies behind it may be asked for again. Null: that of the feed. */
  readonly needed: () => SourcePosition | null
  readonly state: SourceState
  readonly log: Log
  readonly clock: Clock
}

const FIRST_LOOK_MS = 1_000
/** In heartbeats, so that whoever wants to know sooner says so in one place; at most half a minute. */
const LOOK_HEARTBEATS = 10
const LONGEST_LOOK_MS = 30_000
const VARIABLES = [
  'binlog_expire_logs_auto_purge',
  'binlog_expire_logs_seconds',
  'binlog_space_limit',
  'expire_logs_days',
  'max_binlog_total_size',
]

/**
 * Keeps the source's `retention` up to date and warns once when the server is about to purge what BinGo still needs. Runs
 * until aborted. Needs REPLICATION CLIENT (BINLOG MONITOR); without it nothing is known.
 */
export async function followRetention(deps: RetentionDeps, heartbeatMs: number, signal: AbortSignal): Promise<void> {
  const { state, clock, log } = deps
  let waitMs = FIRST_LOOK_MS
  let wasNear = false
  while (!signal.aborted) {
    await clock.sleep(waitMs, signal).catch(() => undefined)
    if (signal.aborted) return
    waitMs = Math.min(LOOK_HEARTBEATS * heartbeatMs, LONGEST_LOOK_MS)
    const retention = await look(deps).catch((error: unknown) => {
      log.debug({ reason: String(error) }, 'cannot query the binlog retention of the server')
      return null
    })
    if (signal.aborted) return
    state.retention = retention
    const near = retention !== null && isPurgeNear(retention)
    if (near && !wasNear) warn(log, retention)
    wasNear = near
  }
}

async function look({ control, feed, needed, state }: RetentionDeps): Promise<Retention | null> {
  const names = VARIABLES.map((name) => `'${name}'`).join(',')
  const files = await binlogFiles(control)
  const rows = await control.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`)
  const [clock] = await control.query('SELECT UNIX_TIMESTAMP() AS now')
  return purgeHeadroom({
    files,
    variables: new Map(rows.map((row) => [text(row, 'Variable_name').toLowerCase(), text(row, 'Value')])),
    serverNowMs: Number(text(clock, 'now')) * 1_000,
    needed: needed() ?? feed.position(),
    committedAtMs: state.finishedAt,
    fileCreated: (file) => feed.fileCreatedOf(file),
  })
}

function warn(log: Log, { headroomMs, headroomBytes, backlogBytes }: Retention): void {
  const left = headroomMs === null ? `${headroomBytes} bytes` : printDuration(headroomMs)
  log.warn(
    { code: 'BINGO_PURGE_NEAR', ms: headroomMs, bytes: headroomBytes, backlogBytes },
    `the server may purge unprocessed binlogs in ${left}`,
  )
}
