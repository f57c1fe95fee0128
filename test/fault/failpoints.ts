/**
 * Loaded with `--import` into a daemon under test: kills it (kill -9, by itself) at the moment that BINGO_TEST_FAILPOINT
 * names. Wraps methods at the seams between stages, so that production code knows nothing of it and pays nothing for it.
 */
import { RedisTarget } from '../../src/targets/redis/target.ts'
import { RedisDeadLetterStore } from '../../src/state/dead-letters/redis-store.ts'
import { RedisCheckpointStore } from '../../src/state/checkpoint/redis-store.ts'
import { CheckpointSaver } from '../../src/flow/checkpoint/saver.ts'
import { GroupIntake } from '../../src/flow/intake.ts'
import { JobFactory } from '../../src/flow/job-factory.ts'
import { Router } from '../../src/flow/router.ts'
import { FAILPOINT_VARIABLE } from './failpoint-names.ts'
import type { Failpoint } from './failpoint-names.ts'

const [wanted, at] = (process.env[FAILPOINT_VARIABLE] ?? '').split(':')
let left = Number(at ?? 1)
let stopping = false
process.on('SIGTERM', () => (stopping = true))

/** Whether this passing is the one to die at. */
function isDue(point: Failpoint): boolean {
  if (point !== wanted) return false
  left -= 1
  return left === 0
}

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is delivered on the way back from the system call; nothing may run until then.
  for (;;);
}

type Returned<T, K extends keyof T> = T[K] extends (...args: never[]) => infer R ? R : never

/** Runs `before` when the method is called, and `after` with what it returned. */
function wrap<T extends object, K extends keyof T>(
  prototype: T,
  method: K,
  { before, after }: { before?: () => void; after?: (result: Returned<T, K>) => Returned<T, K> },
): void {
  const original = prototype[method] as (...args: unknown[]) => Returned<T, K>
  prototype[method] = function wrapped(this: unknown, ...args: unknown[]) {
    before?.()
    const result = original.apply(this, args)
    return after === undefined ? result : after(result)
  } as T[K]
}

/** `sent`: once the socket has the bytes, which is in this turn of the event loop, and before the next one reads answers. */
function aroundAnswer<T>(sent: Failpoint | null, acknowledged: Failpoint) {
  return (answer: Promise<T>): Promise<T> => {
    if (sent !== null && isDue(sent)) setImmediate(die)
    return answer.then((value) => (isDue(acknowledged) ? die() : value))
  }
}

wrap(JobFactory.prototype, 'matched', { after: () => (isDue('row-read') ? die() : undefined) })
wrap(RedisTarget.prototype, 'send', { after: aroundAnswer('effect-sent', 'effect-acknowledged') })
wrap(RedisDeadLetterStore.prototype, 'add', { after: aroundAnswer(null, 'dead-letter-written') })
wrap(RedisCheckpointStore.prototype, 'save', { after: aroundAnswer('checkpoint-sent', 'checkpoint-acknowledged') })
wrap(GroupIntake.prototype, 'useRules', { after: () => (isDue('reload') ? die() : undefined) })
wrap(Router.prototype, 'flushWindows', { after: () => (stopping && isDue('stop-draining') ? die() : undefined) })
wrap(CheckpointSaver.prototype, 'saveIfMoved', {
  before: () => {
    if (stopping && isDue('stop-saving')) die()
  },
})
