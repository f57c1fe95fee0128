/** What was opened one after the other, and is closed in reverse, each also where another could not be closed. */
export class OpenParts {
  private readonly closes: (() => Promise<void> | void)[] = []

  /** To be closed before everything that was opened until now. */
  add<Part extends { close(): Promise<void> | void } | null>(part: Part): Part {
    if (part !== null) this.defer(() => part.close())
    return part
  }

  defer(close: () => Promise<void> | void): void {
    this.closes.push(close)
  }

  /** Rejects with the first error, when all have been asked. */
  async close(): Promise<void> {
    const errors: unknown[] = []
    for (const close of this.closes.reverse()) {
      try {
        await close()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }
}
