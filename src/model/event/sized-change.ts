import { Change } from './change.ts'

/** A change that came as text, which may be of any size. */
export class SizedChange extends Change {
  /** What it keeps in memory, roughly. */
  readonly heldBytes: number

  constructor(heldBytes: number, ...change: ConstructorParameters<typeof Change>) {
    super(...change)
    this.heldBytes = heldBytes
  }
}
