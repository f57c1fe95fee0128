import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { Log } from '../model/rule/action.ts'
import type { StateStore } from '../model/state/state.ts'

interface Pause {
  readonly at: number
  readonly by: string
}

type Paused = { readonly [target: string]: Pause }

export interface PausedTargetsDeps {
  /** Of the instance. */
  readonly name: string
  readonly state: StateStore
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

/** Targets that an operator has paused, by their ids: remembered beside the checkpoint, with who did it. */
export class PausedTargets {
  private readonly deps: PausedTargetsDeps
  private readonly key: string
  private paused: Paused = {}
  private version: number | null = null
  /** One change after the other. */
  private saving: Promise<unknown> = Promise.resolve()

  constructor(deps: PausedTargetsDeps) {
    this.deps = deps
    this.key = `targets/${deps.name}`
  }

  /** Rejects with the BingoError of the state store. */
  async load(): Promise<void> {
    const found = await this.deps.state.load(this.key)
    if (found === null) return
    this.version = found.version
    this.paused = parse(found.value, this.deps.state.description)
    const targets = Object.keys(this.paused)
    if (targets.length > 0) this.deps.log.warn({ code: 'BINGO_TARGET_PAUSED', targets }, 'targets are paused')
  }

  /** Since when the target is paused, milliseconds since 1970; 0: it is not. */
  since(target: string): number {
    return Object.hasOwn(this.paused, target) ? this.paused[target]!.at : 0
  }

  /** Durable when it resolves. Rejects with the BingoError of the state store; then nothing has changed. */
  set(target: string, isPaused: boolean, by: string): Promise<void> {
    const done = this.saving.then(() => this.setNow(target, isPaused, by))
    this.saving = done.catch(() => undefined)
    return done
  }

  private async setNow(target: string, isPaused: boolean, by: string): Promise<void> {
    if (this.since(target) > 0 === isPaused) return
    const { [target]: _resumed, ...others } = this.paused
    await this.save(isPaused ? { ...others, [target]: { at: this.deps.clock.now(), by } } : others)
    const fields = { code: isPaused ? 'BINGO_TARGET_PAUSED' : 'BINGO_TARGET_RESUMED', target, by }
    this.deps.log.warn(fields, isPaused ? 'target paused: its events wait until it is resumed' : 'target resumed')
  }

  private async save(next: Paused): Promise<void> {
    const { state } = this.deps
    if (!(await state.save(this.key, JSON.stringify({ paused: next }), this.version))) {
      throw new BingoError('BINGO_CHECKPOINT_FENCED', 'another instance has paused or resumed targets meanwhile', {
        retryable: true,
      })
    }
    this.version = (this.version ?? 0) + 1
    this.paused = next
  }
}

function parse(value: string, place: string): Paused {
  try {
    const { paused } = JSON.parse(value) as { readonly paused?: Paused }
    const isMap = typeof paused === 'object' && paused !== null
    if (isMap && Object.values(paused).every((each: Partial<Pause> | null) => typeof each?.at === 'number'))
      return paused
  } catch {
    // Reported below like any other text that is no such record.
  }
  throw new BingoError('BINGO_STATE_CORRUPT', `What is known of paused targets in ${place} is not readable`, {
    hint: 'Restore it from a backup, or remove it: no target is paused then.',
  })
}
