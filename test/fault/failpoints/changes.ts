/**
 * Loaded with `--import` into a daemon under test: kills it (kill -9, by itself) at the moment that BINGO_TEST_FAILPOINT
 * names. Wraps methods at the seams between stages, so that production code knows nothing of it and pays nothing for it.
 */
import { RedisTarget } from '../../../src/targets/redis/target.ts'
import { RedisDeadLetterStore } from '../../../src/state/dead-letters/redis-store.ts'
import { RedisCheckpointStore } from '../../../src/state/checkpoint/redis-store.ts'
import { CheckpointSaver } from '../../../src/flow/checkpoint/saver.ts'
import { GroupIntake } from '../../../src/flow/reading/intake.ts'
import { JobFactory } from '../../../src/flow/job-factory.ts'
import { Router } from '../../../src/flow/router.ts'
import { aroundAnswer, die, dieIfDue, isDue, whenAnswered, wrap } from './die.ts'

let stopping = false
process.on('SIGTERM', () => (stopping = true))

wrap(JobFactory.prototype, 'matched', { after: () => dieIfDue('row-read') })
wrap(RedisTarget.prototype, 'send', { after: aroundAnswer('effect-sent', 'effect-acknowledged') })
wrap(RedisDeadLetterStore.prototype, 'add', { after: whenAnswered('dead-letter-written') })
wrap(RedisCheckpointStore.prototype, 'save', { after: aroundAnswer('checkpoint-sent', 'checkpoint-acknowledged') })
wrap(GroupIntake.prototype, 'useRules', { after: () => dieIfDue('reload') })
wrap(Router.prototype, 'flushWindows', { after: () => (stopping && isDue('stop-draining') ? die() : undefined) })
wrap(CheckpointSaver.prototype, 'saveIfMoved', {
  before: () => {
    if (stopping && isDue('stop-saving')) die()
  },
})
