import type { Log } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import type { Gap } from '../../model/event/gap.ts'
import type { Permit } from '../../model/state/lease.ts'
import type { SourcePosition } from '../../model/source/position.ts'
import type { SourceState } from '../../model/source/source-state.ts'
import type { Stats } from '../../model/stats.ts'
import type { OpenFeed } from './replica/feed.ts'
import type { WatchedOutbox } from './server/preflight/outbox-tables.ts'
import type { WantsTable } from './server/preflight/unlogged-rows.ts'

/** What a source needs of the rest of the daemon. */
export interface SourceDeps {
  /** Called at the start, and again where `onGap` makes a new beginning. */
  readonly openFeed: OpenFeed
  /** A gap was passed; reading goes on behind it when the promise resolves. */
  readonly onGap?: ((gap: Gap) => Promise<void>) | undefined
  /** Asked before every connection: all instances of a name are one replica, and a second one drives out the first. */
  readonly permit?: Permit | undefined
  /** From where on the binlog is still needed, for the purge headroom; without it, from where we read. */
  readonly needed?: (() => SourcePosition | null) | undefined
  /** Whether some rule listens to a table: preflight tells of those whose changes the binlog does not show. Without it, none. */
  readonly wants?: WantsTable | undefined
  /** Tables whose rows are events: preflight tells what keeps them from it. Without it, none. */
  readonly outboxes?: readonly WatchedOutbox[] | undefined
  readonly stats: Stats
  readonly state: SourceState
  readonly log: Log
  readonly clock: Clock
}
