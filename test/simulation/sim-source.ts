import type { DdlStatement } from '../../src/model/source/binlog-stream.ts'
import type { Clock } from '../../src/model/clock.ts'
import type { RowIntake } from '../../src/model/source/intake.ts'
import { PauseReasons, type Source } from '../../src/model/source/source.ts'
import { SourceState } from '../../src/model/source/source-state.ts'
import type { Group } from './history.ts'
import type { Random } from './random.ts'

const TRUNCATE: DdlStatement = {
  kind: 'truncate',
  schema: 'shop',
  tables: [{ schema: 'shop', table: 'users' }],
  sql: 'TRUNCATE users',
  session: { ansiQuotes: false, backslashEscapes: true, mariadbComments: false, foldNames: false },
}

/** The number of groups before this place. */
export interface SimPosition {
  readonly group: number
}

/** Reads a history, with connections that break in the middle of groups. */
export class SimSource implements Source<SimPosition> {
  readonly name = 'simulated'
  readonly positions = {
    print: ({ group }: SimPosition) => String(group),
    parse: (text: string) => ({ group: Number(text) }),
  }
  readonly state = new SourceState()
  private readonly history: readonly Group[]
  private readonly random: Random
  private readonly clock: Clock
  private readonly pauses = new PauseReasons((paused) => {
    if (!paused) this.wake?.()
  })
  private wake: (() => void) | null = null

  constructor(history: readonly Group[], random: Random, clock: Clock) {
    this.history = history
    this.random = random
    this.clock = clock
  }

  pause(reason: object): void {
    this.pauses.pause(reason)
  }

  resume(reason: object): void {
    this.pauses.resume(reason)
  }

  rulesChanged(): void {}

  async run(into: RowIntake<SimPosition>, from: SimPosition | null, signal: AbortSignal): Promise<void> {
    let group = from?.group ?? 0
    into.started({ group })
    this.state.connected = true
    while (!signal.aborted) {
      await this.rest(signal)
      if (signal.aborted) return
      if (group === this.history.length) {
        this.state.caughtUp = true
        await this.clock.sleep(1_000, signal).catch(() => undefined)
        continue
      }
      if (await this.send(into, this.history[group]!, group + 1, signal)) group += 1
    }
  }

  /** False when the connection broke before the end. */
  private async send(
    into: RowIntake<SimPosition>,
    { transaction, changes, undoneFrom, end }: Group,
    next: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    into.begin(transaction)
    for (const change of changes) {
      if (this.random.chance(0.02)) {
        await this.clock.sleep(this.random.int(1, 50), signal).catch(() => undefined)
        return false
      }
      if (change.op === 'truncate') void into.ddl(TRUNCATE, change.seq)
      else into.event(change)
      if (this.random.chance(0.1)) await this.rest(signal)
      if (signal.aborted) return false
    }
    if (undoneFrom !== null) into.rollbackTo(undoneFrom)
    if (end === 'commit') into.commit({ group: next })
    else into.rollback({ group: next })
    return true
  }

  private async rest(signal: AbortSignal): Promise<void> {
    if (this.random.chance(0.3)) await this.clock.sleep(this.random.int(0, 20), signal).catch(() => undefined)
    while (this.pauses.paused && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.wake = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
      await promise
    }
  }
}
