import type { StatementSync } from 'node:sqlite'

/** What there is of one line, as a statement answers it. */
export interface LineSum {
  readonly line: number
  readonly records: number
  readonly bytes: number
}

/** What a transaction changes, by line. */
export class Totals {
  readonly #lines = new Map<number, { records: number; bytes: number }>()

  add(line: number, records: number, bytes: number): void {
    const total = this.#lines.get(line)
    if (total === undefined) {
      this.#lines.set(line, { records, bytes })
      return
    }
    total.records += records
    total.bytes += bytes
  }

  write({ count }: { readonly count: StatementSync }): void {
    for (const [line, { records, bytes }] of this.#lines) count.run(records, bytes, line)
  }
}
