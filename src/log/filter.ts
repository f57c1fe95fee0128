import type { EventRecord } from '../model/event/posted/event-record.ts'
import { typePattern } from '../model/event/posted/type-pattern.ts'
import type { EventFilter } from '../model/state/event-provider.ts'

/** What an index narrows down is compared exactly here: the same in every store, whatever its collation. */
export function filterOf(filter: EventFilter): (record: EventRecord) => boolean {
  const { status, type, source, key, userId, accountId, environment, isTest, since, until } = filter
  const fitsType = type === undefined ? () => true : typePattern(type)
  return (record) =>
    is(environment, record.environment) &&
    is(status, record.status) &&
    is(source, record.source) &&
    is(key, record.key) &&
    is(userId, record.userId) &&
    is(accountId, record.accountId) &&
    is(isTest, record.isTest) &&
    (since === undefined || record.createdAt >= since) &&
    (until === undefined || record.createdAt < until) &&
    fitsType(record.type)
}

function is<T>(wanted: T | undefined, found: T): boolean {
  return wanted === undefined || wanted === found
}
