import type { DeliveryFailure, Target } from '../../src/model/rule/action.ts'
import type { Clock } from '../../src/model/clock.ts'
import { BingoError } from '../../src/model/errors.ts'
import type { Ledger } from './ledger.ts'
import type { Random } from './random.ts'
import type { SimPayload } from './sim-rules.ts'

/** A receiver that is slow, away, choosy and forgetful, as its seed says. It outlives the processes that send to it. */
export class Receiver {
  readonly id: string
  private readonly random: Random
  private readonly ledger: Ledger
  private downUntilMs = 0
  private healed = false

  constructor(id: string, random: Random, ledger: Ledger) {
    this.id = id
    this.random = random
    this.ledger = ledger
  }

  /** From now on it takes everything at once. */
  heal(): void {
    this.healed = true
  }

  /** What one process sends through. `incarnation` tells in the ledger who sent. */
  open(clock: Clock, incarnation: number): Target {
    return {
      gather: this.id === 'b' ? 'lane' : 'all',
      maxBatch: 20,
      maxConcurrency: this.id === 'a' ? 2 : 4,
      send: async (jobs) => {
        const payloads = jobs.map(({ payload }) => payload as SimPayload)
        if (!this.healed) await clock.sleep(this.random.chance(0.1) ? this.random.int(50, 400) : this.random.int(0, 8))
        return this.take(payloads, clock, incarnation)
      },
      close: () => Promise.resolve(),
    }
  }

  private take(
    payloads: readonly SimPayload[],
    clock: Clock,
    incarnation: number,
  ): readonly (DeliveryFailure | null)[] | undefined {
    const { random, ledger } = this
    if (this.healed) {
      for (const payload of payloads) ledger.effect(payload, incarnation, true)
      return undefined
    }
    if (random.chance(0.01)) this.downUntilMs = clock.monotonicMs() + random.int(100, 4_000)
    if (clock.monotonicMs() < this.downUntilMs) return payloads.map(() => failure('down'))
    if (random.chance(0.01)) throw new Error('made to throw')
    if (random.chance(0.03)) {
      // Everything arrived, and the answer is lost.
      for (const payload of payloads) ledger.effect(payload, incarnation, false)
      return payloads.map(() => failure('down'))
    }
    const failedRows = new Set<string>()
    const results = payloads.map((payload) => {
      const row = payload.rowKey
      if (failedRows.has(row)) return failure('unknown')
      const result = payload.number % 41 === 7 ? failure('poison') : random.chance(0.04) ? failure('unknown') : null
      if (result === null) ledger.effect(payload, incarnation, true)
      else failedRows.add(row)
      return result
    })
    return results.every((result) => result === null) ? undefined : results
  }
}

function failure(kind: DeliveryFailure['kind']): DeliveryFailure {
  return { kind, error: new BingoError('BINGO_SIMULATED', `made ${kind}`, { retryable: kind !== 'poison' }) }
}
