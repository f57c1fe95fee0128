import { setTimeout as delay } from 'node:timers/promises'
import type { SagaInstance, SagaRef } from '../../../src/model/saga/instance.ts'
import type { Behaviour } from '../../support/sagas/participants.ts'
import type { SagaText } from './definitions.ts'
import type { SagaRig } from './saga-rig.ts'

const POLL_MS = 100

/** One instance of a story. */
export class Telling {
  readonly rig: SagaRig
  readonly ref: SagaRef
  readonly #flags: Set<string>

  constructor(rig: SagaRig, ref: SagaRef, flags: Set<string>) {
    this.rig = rig
    this.ref = ref
    this.#flags = flags
  }

  /** Posts an event of the story; the same `copy` is the same event. */
  post(what: string, copy = ''): Promise<void> {
    const { saga, key } = this.ref
    return this.rig.post(`fault.${saga}.${what}`, key, `fault.${saga}.${what}-${key}${copy}`)
  }

  /** The services see it in `behave`. */
  allow(): void {
    this.#flags.add(`${this.ref.saga}/${this.ref.key}`)
  }

  async until(is: (instance: SagaInstance) => boolean): Promise<void> {
    while (!this.rig.isClosed) {
      const instance = await this.rig.instance(this.ref).catch(() => null)
      if (instance !== null && is(instance)) return
      await delay(POLL_MS)
    }
  }
}

/** A saga in which something goes wrong in a certain way, always with the same end. */
export interface Story {
  /** Of the saga; the events are `fault.ID.start` and so on. */
  readonly id: string
  readonly doc: string
  readonly ends: 'completed' | 'compensated'
  readonly yaml: (text: SagaText) => string
  /** `call`: 1 for the first of this step and op. `allowed`: the story has said so. Default: answers. */
  readonly behave?: (step: string, op: string, call: number, allowed: boolean) => Behaviour
  /** Whether `reserve` is confirmed by itself, as soon as it is done. */
  readonly confirms?: boolean
  /** What happens after the start event was posted. */
  readonly goOn?: (telling: Telling) => Promise<void>
}
