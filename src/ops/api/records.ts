import { isoMoment } from '../../model/event/forms/iso-moment.ts'
import { exactJson } from '../../model/json/strict-json.ts'
import type { EventEnvelope, EventRecord } from '../../model/event/posted/event-record.ts'
import type { Posted } from '../../model/state/event-provider.ts'
import type { ProviderCapabilities } from '../../model/state/event-provider.ts'

function iso(at: number | null): string | null {
  return at === null ? null : isoMoment(at)
}

/** What was said of an event, without what became of it. */
export function shownEnvelope(event: EventEnvelope): object {
  return {
    id: event.id,
    type: event.type,
    name: event.type,
    source: event.source,
    key: event.key,
    payload: event.payload,
    context: event.context,
    metadata: event.metadata,
    userId: event.userId,
    sessionId: event.sessionId,
    accountId: event.accountId,
    instanceId: event.instanceId,
    environment: event.environment,
    correlationId: event.correlationId,
    causationId: event.causationId,
    traceparent: event.traceparent,
    hops: event.hops,
    timestamp: iso(event.timestamp),
    deliverAt: iso(event.deliverAt),
    isTest: event.isTest,
  }
}

export function shownRecord(record: EventRecord): object {
  return Object.assign(shownEnvelope(record), {
    status: record.status,
    matched: record.matched,
    createdAt: iso(record.createdAt),
    updatedAt: iso(record.updatedAt),
    processedAt: iso(record.processedAt),
    deliveredAt: iso(record.deliveredAt),
    completedAt: iso(record.completedAt),
    cancelledAt: iso(record.cancelledAt),
    retryCount: record.retryCount,
    error: record.error,
    outcomes: record.outcomes.map((outcome) => ({ ...outcome, at: iso(outcome.at) })),
    runs: [],
  })
}

export function shownPosted({ tag, record }: Posted, { durability }: Pick<ProviderCapabilities, 'durability'>): object {
  const isKnown = tag === 'duplicate' || tag === 'conflict'
  return Object.assign(shownRecord(record), isKnown ? { duplicate: true, durability } : { durability })
}

export function jsonAnswer(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(jsonText(value), { status, headers: { ...JSON_HEADERS, ...headers } })
}

export function jsonText(value: unknown): string {
  return `${exactJson(value)}\n`
}

export const JSON_HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const
