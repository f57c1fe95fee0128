/** Loaded with `--import` into a daemon under test in which events wait; see ./changes.ts, whose failpoints it has too. */
import { DatabaseSync } from 'node:sqlite'
import { LineReader } from '../../../src/flow/stored-jobs.ts'
import { DELAY_PREFIX, SPOOL_PREFIX } from '../../../src/model/delivery/waiting.ts'
import type { WaitingStore } from '../../../src/model/delivery/waiting.ts'
import { RedisWaitingStore } from '../../../src/state/waiting/redis/store.ts'
import { SqliteWaitingStore } from '../../../src/state/waiting/sqlite/store.ts'
import { WaitingLine } from '../../../src/waiting/line.ts'
import { WaitingLines } from '../../../src/waiting/lines.ts'
import './changes.ts'
import { die, dieIfDue, isDue, whenAnswered, wrap } from './die.ts'

/** A transaction that is under way dies before its COMMIT. */
let diesAtCommit = false
wrap(DatabaseSync.prototype, 'exec', {
  before: (_database, [sql]) => {
    if (diesAtCommit && sql === 'COMMIT') die()
  },
})

const stores: readonly WaitingStore[] = [SqliteWaitingStore.prototype, RedisWaitingStore.prototype]
for (const store of stores) {
  const dieWithin = (point: string): void => {
    if (!isDue(point)) return
    diesAtCommit = true
    if (store !== SqliteWaitingStore.prototype) setImmediate(die)
  }
  wrap(store, 'add', { before: () => dieWithin('waiting-adding'), after: whenAnswered('waiting-added') })
  wrap(store, 'remove', { before: () => dieWithin('waiting-removing'), after: whenAnswered('waiting-removed') })
}

wrap(WaitingLine.prototype, 'add', {
  after: (_, { name }) => {
    if (name.startsWith(DELAY_PREFIX)) dieIfDue('waiting-delayed')
    if (name.startsWith(SPOOL_PREFIX)) dieIfDue('waiting-spooled')
  },
})
wrap(WaitingLine.prototype, 'next', {
  after: async (answer, line) => {
    const records = await answer
    if (line.name.startsWith(SPOOL_PREFIX) && line.empty) dieIfDue('waiting-drained')
    return records
  },
})
wrap(WaitingLine.prototype, 'revise', {
  after: (_, _line, [job]) => {
    if (job.revision === 'cancel') dieIfDue('waiting-cancelling')
  },
})
wrap(WaitingLine.prototype, 'became', {
  after: (_, _line, [gone]) => {
    if (gone.length > 0) dieIfDue('waiting-cancelled')
  },
})
wrap(LineReader.prototype, 'jobsOf', {
  after: async (answer, { line }) => {
    const jobs = await answer
    if (line.name.startsWith(DELAY_PREFIX)) dieIfDue('waiting-due')
    if (line.name.startsWith(SPOOL_PREFIX)) dieIfDue('waiting-loaded')
    return jobs
  },
})
wrap(WaitingLines.prototype, 'flush', { after: whenAnswered('waiting-flushed') })
