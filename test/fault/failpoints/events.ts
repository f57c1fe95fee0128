/** Loaded with `--import` into a daemon under test that takes events in; see ./changes.ts. */
import { Publisher } from '../../../src/events/publisher.ts'
import { StatusProjection } from '../../../src/events/status-projection.ts'
import { mysql, postgres } from '../../../src/log/sql/dialect.ts'
import { SqlEventProvider } from '../../../src/log/sql/event-provider.ts'
import { SqlLog } from '../../../src/log/sql/log.ts'
import { EventStore } from '../../../src/log/sql/store.ts'
import { SqliteEventProvider } from '../../../src/log/sqlite/event-provider.ts'
import { EventTables } from '../../../src/log/sqlite/event-tables.ts'
import { SqliteLog } from '../../../src/log/sqlite/log.ts'
import type { EventProvider } from '../../../src/model/state/event-provider.ts'
import { SourceRecords } from '../../../src/state/checkpoint/source-record.ts'
import { RedisTarget } from '../../../src/targets/redis/target.ts'
import { aroundAnswer, die, dieIfDue, isDue, whenAnswered, wrap } from './die.ts'

/** A statement that is made now is in the socket by then, and may be half done. */
const ON_THE_WAY_MS = 1

wrap(Publisher.prototype, 'publish', { before: () => dieIfDue('event-parsed') })

wrap(EventTables.prototype, 'insert', {
  after: (isNew) => {
    dieIfDue('event-inserted')
    return isNew
  },
})
for (const dialect of [mysql, postgres]) {
  wrap(dialect, 'insertNew', {
    after: (statement) => {
      if (isDue('event-inserted')) setTimeout(die, ON_THE_WAY_MS)
      return statement
    },
  })
}

wrap(EventTables.prototype, 'unschedule', { before: () => dieIfDue('event-due') })
wrap(EventStore.prototype, 'append', {
  after: (answer, _store, [entries]) => (entries.length === 0 ? answer : whenAnswered<void>('event-due')(answer)),
})

const providers: readonly EventProvider[] = [SqliteEventProvider.prototype, SqlEventProvider.prototype]
for (const prototype of providers) {
  wrap(prototype, 'post', {
    after: async (answer) => {
      const posted = await answer
      dieIfDue(posted.some(({ tag }) => tag === 'updated') ? 'event-updated' : 'event-committed')
      return posted
    },
  })
  wrap(prototype, 'cancel', {
    after: async (answer) => {
      const result = await answer
      if (result === 'cancelled') dieIfDue('event-cancelled')
      return result
    },
  })
  wrap(prototype, 'progress', { after: whenAnswered('event-status-written') })
}

wrap(StatusProjection.prototype, 'reads', { after: () => dieIfDue('event-read') })
wrap(RedisTarget.prototype, 'send', { after: aroundAnswer('effect-sent', 'effect-acknowledged') })
wrap(SourceRecords.prototype, 'save', { after: whenAnswered('event-checkpoint-saved') })
const logs: readonly EventProvider['log'][] = [SqliteLog.prototype, SqlLog.prototype]
for (const log of logs) {
  wrap(log, 'ack', { after: whenAnswered('event-place-acknowledged') })
}
