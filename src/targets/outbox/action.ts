import { BingoError } from '../../model/errors.ts'
import type { ActionType, Target } from '../../model/rule/action.ts'
import { OUTBOX_ACTION } from '../../model/rule/outbox-rule.ts'

/**
 * Where rows of an outbox that make no event wait for their way to the dead letters, in order and in sight of the metrics.
 * Rules cannot name it, and nothing is sent to it: rows that make an event leave before.
 */
export const outbox: ActionType = {
  type: OUTBOX_ACTION,
  fields: {},
  targetFields: [],
  defaultCoalesce: () => 'none',
  compile: () => {
    throw new BingoError('BINGO_INTERNAL', 'the action of an outbox is not for rules')
  },
  open: () => Promise.resolve(NOWHERE),
}

const NOWHERE: Target = {
  gather: 'lane',
  maxBatch: 1,
  maxConcurrency: 1,
  send: (jobs) => {
    const error = new BingoError('BINGO_OUTBOX_ROW_INVALID', 'rows of an outbox are sent as the events that they make')
    return Promise.resolve(jobs.map(() => ({ kind: 'poison', error })))
  },
  close: () => Promise.resolve(),
}
