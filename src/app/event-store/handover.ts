import type { Clock } from '../../model/clock.ts'
import type { Pausable, Source } from '../../model/source/source.ts'

const LOOK_MS = 50
const QUIET_AGAIN_MS = 1_000

/** Something that can tell where it ends at a moment without writers. */
export interface QuietStore {
  quietEnd(): Promise<bigint | null>
}

/**
 * The place at which reading by SQL ends and reading by binlog begins, for an event store that is in a server whose binlog is
 * read. What was committed by then is read by SQL and passed over in the binlog; what comes later has greater positions, and
 * waits in the binlog until everything before it was handed in. So nothing is missed, and nothing comes twice.
 */
export class Handover {
  private readonly clock: Clock
  private sources: readonly Source<object>[] = []
  private place: bigint | null = null

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** `done`: where an earlier run has handed over; null: it has not. Before anything is read. */
  begin(sources: readonly Source<object>[], done: bigint | null): void {
    this.sources = sources
    this.place = done
  }

  /** Whether an event that the binlog brings is not read by SQL. */
  isInBinlog(position: bigint): boolean {
    return this.place !== null && position > this.place
  }

  /**
   * Stops the binlogs once each is read from a place that is known, and answers the position up to which SQL has to be read.
   * Null when aborted.
   */
  async take(store: QuietStore, signal: AbortSignal): Promise<bigint | null> {
    const pause = (wait: number): Promise<void> => this.clock.sleep(wait, signal).catch(() => undefined)
    while (!signal.aborted) {
      if (!this.sources.every(({ state }) => state.connected)) {
        await pause(LOOK_MS)
        continue
      }
      for (const source of this.sources) source.pause(this)
      const end = await store.quietEnd()
      if (end !== null) {
        this.place = end
        return end
      }
      // Somebody's transaction stays open.
      this.goOn()
      await pause(QUIET_AGAIN_MS)
    }
    return null
  }

  /** Everything up to the place was handed in. */
  goOn(): void {
    for (const source of this.sources as readonly Pausable[]) source.resume(this)
  }
}
