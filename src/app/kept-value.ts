import { BingoError } from '../model/errors.ts'
import type { Check } from '../model/json/shape.ts'
import { readStored } from '../model/json/stored.ts'
import type { StateStore } from '../model/state/state.ts'

export interface KeptValueDeps<T> {
  readonly state: StateStore
  readonly key: string
  /** What it is where nothing is stored. */
  readonly empty: T
  /** Of what is stored. */
  readonly check: Check
  /** What is stored for it, where that is something else. */
  readonly valueIn?: (stored: unknown) => T
  /** For people: "disabled rules". */
  readonly what: string
  /** For people, of another instance: "has switched rules". */
  readonly done: string
  /** For people: what holds when it is removed. */
  readonly without: string
}

/** What an operator has decided at run time, remembered beside the checkpoint. */
export class KeptValue<T> {
  value: T
  private readonly deps: KeptValueDeps<T>
  private version: number | null = null
  /** One change after the other. */
  private changing: Promise<unknown> = Promise.resolve()

  constructor(deps: KeptValueDeps<T>) {
    this.deps = deps
    this.value = deps.empty
  }

  /** Rejects with the BingoError of the state store, or with BINGO_STATE_CORRUPT. */
  async load(): Promise<void> {
    const found = await this.deps.state.load(this.deps.key)
    if (found === null) return
    this.version = found.version
    this.value = this.read(found.value)
  }

  /** Another process has written since. Rejects with the BingoError of the state store. */
  async changedElsewhere(): Promise<boolean> {
    const found = await this.inTurn(() => this.deps.state.load(this.deps.key))
    return (found?.version ?? null) !== this.version
  }

  /** Calls `change` when the changes before it have ended. */
  inTurn<R>(change: () => Promise<R>): Promise<R> {
    const done = this.changing.then(change)
    this.changing = done.catch(() => undefined)
    return done
  }

  /** Durable when it resolves. Rejects with BingoErrors; then nothing has changed. */
  async save(next: T, written: unknown = next): Promise<void> {
    const { state, key, done } = this.deps
    if (!(await state.save(key, JSON.stringify(written), this.version))) {
      throw new BingoError('BINGO_CHECKPOINT_FENCED', `another instance ${done} meanwhile`, { retryable: true })
    }
    this.version = (this.version ?? 0) + 1
    this.value = next
  }

  private read(text: string): T {
    const { state, check, valueIn, what, without } = this.deps
    const stored = readStored<T>(text, check, (fault, cause) => {
      const message = `What is known of ${what} in ${state.description} is not readable: ${fault}`
      return new BingoError('BINGO_STATE_CORRUPT', message, {
        hint: `Restore it from a backup, or remove it: ${without} then.`,
        ...(cause !== undefined && { cause }),
      })
    })
    return valueIn === undefined ? stored : valueIn(stored)
  }
}
