/**
 * Where counters are kept that go with the position of a source: whoever resumes at a position finds them as they were
 * there, so that what is read again counts again, and what is not does not count twice.
 */
export interface CounterStore {
  /** Printable, no secrets. */
  readonly description: string
  /** As of the position, as the source prints it; null: none are known of it. */
  load(position: string): Promise<string | null>
  /**
   * To be called, and awaited, before the position is stored; `null`: the same as before. Rejects as the store of the
   * position does.
   */
  save(position: string, counters: string | null, epoch: number): Promise<void>
  /** The position of the last `save` is stored. */
  stored(): void
}
