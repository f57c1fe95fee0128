import type { Target } from '../../model/action.ts'
import type { CheckpointStore } from '../../model/checkpoint.ts'
import type { DeadLetterStore } from '../../model/dead-letter.ts'
import { BingoError } from '../../model/errors.ts'
import type { Permit } from '../../model/lease.ts'

/** The target, sending only with a permit. Without a lease nothing is wrapped, so that nothing is paid. */
export function guardedTarget(target: Target, permit: Permit): Target {
  const send = target.send.bind(target)
  target.send = async (jobs, signal) => {
    if (!permit.valid) {
      const refusal = await permit.granted(signal).then(
        () => null,
        (error: unknown) => error,
      )
      if (refusal !== null) {
        const failure = { kind: 'down', error: withheld(refusal) } as const
        return jobs.map(() => failure)
      }
    }
    return send(jobs, signal)
  }
  return target
}

/** Letters and parked keys of an instance that was replaced would be news to the one that replaced it. */
export function guardedLetters<T extends DeadLetterStore>(store: T, permit: Permit): T {
  const add = store.add.bind(store)
  store.add = async (letters) => {
    if (!permit.valid) await permit.granted()
    return add(letters)
  }
  return store
}

/** On top of the epoch that the store compares. */
export function guardedCheckpoints<T extends CheckpointStore>(store: T, permit: Permit): T {
  const save = store.save.bind(store)
  store.save = async (checkpoint) => {
    if (!permit.valid) await permit.granted()
    return save(checkpoint)
  }
  return store
}

function withheld(reason: unknown): BingoError {
  if (reason instanceof BingoError) return reason
  return new BingoError('BINGO_LEASE_UNCONFIRMED', 'not sent: the lease could not be confirmed', {
    retryable: true,
    cause: reason,
  })
}
