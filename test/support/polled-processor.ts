import { openPolled, type RunningOutbox } from '../../src/app/outbox/open-polled.ts'
import { systemClock } from '../../src/model/clock.ts'
import type { Change } from '../../src/model/event/change.ts'
import { silentLog } from '../../src/model/silent-log.ts'
import type { RowIntake } from '../../src/model/source/intake.ts'
import type { Source } from '../../src/model/source/source.ts'
import type { PolledOptions } from '../../src/sources/polled/contract.ts'

/** A processor: what it is handed is noted, and finished when `finish` says so. */
export class PolledProcessor implements AsyncDisposable {
  readonly seen: Change[] = []
  /** What it has said of its troubles. */
  readonly said: readonly string[]
  private readonly opened: RunningOutbox
  private readonly stop = new AbortController()
  private readonly running: Promise<void>

  private constructor(opened: RunningOutbox, said: readonly string[], finishes: () => boolean) {
    this.opened = opened
    this.said = said
    const { custom: source } = opened.source as { custom: Source<object> }
    const pending: object[] = []
    const intake = {
      started: () => undefined,
      begin: () => undefined,
      event: (change: Change) => void this.seen.push(change),
      commit: (end: object) => {
        pending.push(end)
        if (finishes()) source.finished!(end)
      },
    }
    this.running = source.run(intake as unknown as RowIntake<object>, null, this.stop.signal)
    this.running.catch(() => undefined)
  }

  static async start(url: string, options: Partial<PolledOptions>, finishes = () => true): Promise<PolledProcessor> {
    const all: PolledOptions = {
      schema: 'public',
      table: 'outbox',
      idColumn: 'id',
      keyColumn: 'aggregate_id',
      orderColumn: null,
      after: 'mark',
      batch: 20,
      everyMs: 50,
      leaseMs: 30_000,
      owner: 'one',
      ...options,
    }
    const said: string[] = []
    const note = (_fields: object, message: string) => void said.push(message)
    const log = { ...silentLog, info: note, warn: note, error: note }
    return new PolledProcessor(await openPolled('outbox', url, all, { clock: systemClock, log }), said, finishes)
  }

  ids(column = 'id'): unknown[] {
    return this.seen.map((change) => change.new![column])
  }

  /** Rejects with what ended it. */
  get ended(): Promise<void> {
    return this.running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort()
    await this.running.catch(() => undefined)
    await this.opened.close()
  }
}
