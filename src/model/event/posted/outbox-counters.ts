/** Of one entry of `outbox:`, by the table as it is configured. */
export interface OutboxCounters {
  /** Rows that made an event. */
  eventsTotal: number
  /** Rows whose event has not ended. */
  unfinished: number
  markedTotal: number
  deletedTotal: number
  /** Rows that could be neither marked nor deleted. */
  failedTotal: number
}

export function outboxCounters(all: Map<string, OutboxCounters>, table: string): OutboxCounters {
  let counters = all.get(table)
  if (counters === undefined) {
    counters = { eventsTotal: 0, unfinished: 0, markedTotal: 0, deletedTotal: 0, failedTotal: 0 }
    all.set(table, counters)
  }
  return counters
}
