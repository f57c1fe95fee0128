import type { BingoError } from '../../src/model/errors.ts'
import type { EventRecord } from '../../src/model/event/posted/event-record.ts'
import type { NewEvent, Posted, PostOptions } from '../../src/model/state/event-provider.ts'
import { MemoryEventProvider } from '../../src/log/memory/event-provider.ts'

/** Events in memory, which tests look into and let fail. */
export class MemoryEvents extends MemoryEventProvider {
  /** What the next calls of `post` reject with. */
  refuseWith: BingoError | null = null
  /** As they were stored, by environment and id. */
  readonly records = new Map<string, EventRecord>()

  constructor() {
    super({ maxEvents: 1_000_000, maxBytes: 1e9 })
  }

  override async post(events: readonly NewEvent[], options: PostOptions): Promise<readonly Posted[]> {
    if (this.refuseWith !== null) throw this.refuseWith
    const posted = await super.post(events, options)
    for (const { record } of posted) this.records.set(`${record.environment}/${record.id}`, record)
    return posted
  }
}
