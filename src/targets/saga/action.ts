import { BingoError } from '../../model/errors.ts'
import type { ActionType, DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import { SAGA_ACTION, type SagaSignal, type SagaSink } from '../../model/saga/sink.ts'
import { thrownFailure } from '../failure/failure.ts'

const MAX_BATCH = 500

/** Where the rules of sagas lead: an event has arrived when the transition that it leads to is stored. Rules cannot name it. */
export const saga: ActionType = {
  type: SAGA_ACTION,
  fields: {},
  targetFields: [],
  defaultCoalesce: () => 'none',
  compile: () => {
    throw new BingoError('BINGO_INTERNAL', 'the action of a saga is not for rules')
  },
  async open(_, { sagas }) {
    if (sagas !== undefined) return new SagaTarget(sagas)
    throw new BingoError('BINGO_SAGA_NO_STORE', 'An event belongs to a saga, but nothing runs sagas here', {
      hint: 'Run `bingo run` with the rules that define the saga.',
    })
  },
}

class SagaTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #sagas: SagaSink

  constructor(sagas: SagaSink) {
    this.#sagas = sagas
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    try {
      await this.#sagas.take(jobs.map(({ payload }) => payload as SagaSignal))
      return undefined
    } catch (error) {
      // No event is at fault that cannot be stored.
      const failure: DeliveryFailure = thrownFailure('down', error)
      return jobs.map(() => failure)
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
