import type { Change } from '../event/change.ts'
import type { RowIntake } from './intake.ts'
import type { SourceState } from './source-state.ts'

/** How the positions of a source are written down. To everybody but the source a position is opaque. */
export interface Positions<P> {
  print(position: P): string
  /** Throws a BingoError for a text that `print` did not write. */
  parse(text: string): P
}

/** What rules listen to. */
export interface ChangeKind {
  readonly op: Change['op']
  readonly table: Pick<Change['table'], 'schema' | 'name'>
}

/** What hands in events, and can be told to stop for a while. */
export interface Pausable {
  /** Hands in nothing more until every reason for a pause was taken back (invariant 6). */
  pause(reason: object): void
  resume(reason: object): void
}

/** Where events come from. `P` is a place between two groups of events, where reading can resume. */
export interface Source<P> extends Pausable {
  /** Unique among the sources of one instance: each has a checkpoint of its own. */
  readonly name: string
  readonly positions: Positions<P>
  /**
   * Reads from `from` (null: the first start of all) into `into`. Resolves when aborted or when there is nothing more to
   * come; rejects with a BingoError when it cannot go on. Reconnects by itself in between.
   */
  run(into: RowIntake<P>, from: P | null, signal: AbortSignal): Promise<void>
  /** The rules changed: `wants` may answer otherwise. */
  rulesChanged(): void
  /** Kept by the source, and by whoever reads it. */
  readonly state: SourceState
  /** Everything up to this position is finished and durable: the source may answer, acknowledge or clean up. */
  finished?(upTo: P): void
  /** Gives it what saves its position now, for one that has to know soon; else that is done every now and then. */
  saves?(now: () => Promise<unknown>): void
  /**
   * Gives it what tells whether what the rules for such a change (null: any rule) have to come behind waits in the store for a
   * target that is down, which counts as finished: for one that has to know what was delivered.
   */
  spools?(holdsBack: (change: ChangeKind | null) => boolean): void
}

/** Why something is paused: it goes on when every reason was taken back. A reason given twice counts once. */
export class PauseReasons implements Pausable {
  private readonly reasons = new Set<object>()
  private readonly onChange: (paused: boolean) => void

  /** `onChange` is told when the first reason comes and when the last one goes. */
  constructor(onChange: (paused: boolean) => void) {
    this.onChange = onChange
  }

  get paused(): boolean {
    return this.reasons.size > 0
  }

  pause(reason: object): void {
    const before = this.paused
    this.reasons.add(reason)
    if (!before) this.onChange(true)
  }

  resume(reason: object): void {
    if (this.reasons.delete(reason) && !this.paused) this.onChange(false)
  }
}
