import { DurationHistogram } from '../../delivery/duration-histogram.ts'
import { BingoError } from '../../errors.ts'
import type { NewEvent, Posted } from '../../state/event-provider.ts'
import type { EventStatus } from './event-record.ts'

/** Types with a label of their own in metrics; those that come later share one: senders make types up. */
const MOST_TYPES = 200
const MOST_SOURCES = 20
const OTHER = 'other'
const ALERTED: readonly string[] = [
  'BINGO_LOG_FULL',
  'BINGO_LOG_UNREACHABLE',
  'BINGO_LOG_REFUSED',
  'BINGO_LOG_CORRUPT',
  'BINGO_INTERNAL',
]

/** Counts by a few label values, whatever comes in. */
class Labels {
  private readonly most: number
  private readonly known = new Set<string>()

  constructor(most: number) {
    this.most = most
  }

  of(value: string): string {
    if (this.known.has(value)) return value
    if (this.known.size >= this.most) return OTHER
    this.known.add(value)
    return value
  }
}

/** What became of posted events, for metrics. All only grow, but for the gauges. */
export class EventCounters {
  /** By source, then type. */
  readonly published = new Map<string, Map<string, number>>()
  /** By source, type and status. */
  readonly consumed = new Map<string, Map<string, Map<string, number>>>()
  /** By code. Those that alerts watch begin at 0: an increase from nothing is none. */
  readonly failures = new Map(ALERTED.map((code) => [code, 0]))
  duplicatesTotal = 0
  conflictsTotal = 0
  /** From the log to the end of the last action. */
  readonly processing = new DurationHistogram()
  /** What waits to be read or is in flight, as the log said last; undefined: not known. */
  queue: { readonly size: number; readonly oldestAt: number | null } | undefined
  private readonly types = new Labels(MOST_TYPES)
  private readonly sources = new Labels(MOST_SOURCES)

  took(events: readonly NewEvent[], posted: readonly Posted[]): void {
    for (const [i, { tag }] of posted.entries()) {
      if (tag === 'duplicate') this.duplicatesTotal += 1
      if (tag === 'conflict') this.conflictsTotal += 1
      const { source, type } = events[i]!.event
      const byType = of(this.published, this.sources.of(source), () => new Map<string, number>())
      add(byType, this.types.of(type))
    }
  }

  refused(error: unknown): void {
    add(this.failures, error instanceof BingoError ? error.code : 'BINGO_INTERNAL')
  }

  ended({ source, type }: { readonly source: string; readonly type: string }, status: EventStatus): void {
    const byType = of(this.consumed, this.sources.of(source), () => new Map<string, Map<string, number>>())
    const byStatus = of(byType, this.types.of(type), () => new Map<string, number>())
    add(byStatus, status)
  }
}

function of<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

function add(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1)
}
