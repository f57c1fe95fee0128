import { dialectOf } from '../../clients/sql/handles.ts'
import type { Clock } from '../../model/clock.ts'
import { systemClock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import { cleanRegularly } from '../cleanup.ts'
import type { Barrier, BarrierResult, BarrierStorage, BarrierWork, SagaCommand, SagaHeaders } from './contract.ts'
import { sagaCommandOf } from './headers.ts'
import { BARRIER_TABLE, SqlBarrier } from './sql.ts'

export interface BarrierOptions {
  /** Default: the system clock. */
  readonly clock?: Clock | undefined
}

/** A barrier over a storage: `sqlBarrier(…)`, `new MemoryBarrier()`, or one of the application's own. */
export function createBarrier(storage: BarrierStorage, { clock = systemClock }: BarrierOptions = {}): Barrier {
  const deleteReceivedBefore = (before: Date): Promise<number> => storage.deleteReceivedBefore(before)
  return Object.assign(
    <R>(transaction: unknown, headers: SagaHeaders, work?: (command: BarrierWork) => R | Promise<R>) =>
      pass(storage, transaction, headers, work),
    {
      setup: () => storage.setup(),
      deleteReceivedBefore,
      cleanup: (options: Parameters<Barrier['cleanup']>[0]) => cleanRegularly(clock, options, deleteReceivedBefore),
    },
  )
}

/**
 * As a barrier over the table `saga_barrier` (`sqlBarrier(…).setup()` makes it) of the database that the transaction is
 * open on. Throws BINGO_BARRIER_HEADERS and BINGO_BARRIER_TRANSACTION.
 */
export async function barrier<R = null>(
  transaction: unknown,
  headers: SagaHeaders,
  work?: (command: BarrierWork) => R | Promise<R>,
): Promise<BarrierResult<R>> {
  return pass(new SqlBarrier(dialectOf(transaction), BARRIER_TABLE), transaction, headers, work)
}

type Notes = Pick<BarrierStorage, 'note' | 'find' | 'finish'>

async function pass<R>(
  storage: Notes,
  transaction: unknown,
  headers: SagaHeaders,
  work: ((command: BarrierWork) => R | Promise<R>) | undefined,
): Promise<BarrierResult<R>> {
  const command = sagaCommandOf(headers)
  const { outcome, stored } = await admit(storage, transaction, command)
  if (outcome === 'repeated') return { outcome, result: parsed(stored) as R | null }
  if (outcome !== 'first' || work === undefined) return { outcome, result: null }
  const result = await work({ ...command, done: parsed(stored) })
  await storage.finish(transaction, command, jsonOf(command, result))
  return { outcome, result }
}

interface Admission {
  readonly outcome: BarrierResult<never>['outcome']
  /** repeated: the result of the first time; the first undo: that of the do. */
  readonly stored: string | null
}

/**
 * The note of the do decides: whoever writes it first has the step. Both operations write it first, so that they wait for
 * each other there, and in this order.
 */
async function admit(storage: Notes, transaction: unknown, command: SagaCommand): Promise<Admission> {
  const { saga, step, operation } = command
  const ofDo = { saga, step, operation: 'do', notedBy: operation } as const
  const isDoNew = await storage.note(transaction, ofDo)
  if (operation === 'do') {
    if (isDoNew) return { outcome: 'first', stored: null }
    const found = await storage.find(transaction, ofDo)
    if (found?.notedBy === 'undo') return { outcome: 'undone', stored: null }
    return { outcome: 'repeated', stored: found?.result ?? null }
  }
  const ofUndo = { saga, step, operation, notedBy: operation } as const
  const isUndoNew = await storage.note(transaction, ofUndo)
  const first = await storage.find(transaction, ofDo)
  if (first?.notedBy === 'undo') return { outcome: 'nothing-to-undo', stored: null }
  if (isUndoNew) return { outcome: 'first', stored: first?.result ?? null }
  return { outcome: 'repeated', stored: (await storage.find(transaction, ofUndo))?.result ?? null }
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json)
}

function jsonOf({ saga, step, operation }: SagaCommand, result: unknown): string {
  try {
    return JSON.stringify(result ?? null)
  } catch (cause) {
    const message = `The result of "${saga}/${step}/${operation}" cannot be stored as JSON: ${(cause as Error).message}`
    throw new BingoError('BINGO_BARRIER_RESULT', message, {
      cause,
      hint: 'Return a value that JSON can hold, or none.',
    })
  }
}
