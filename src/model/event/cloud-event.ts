import type { ChangeEvent } from './change.ts'

/** A change event in the JSON format of CloudEvents 1.0 (github.com/cloudevents/spec, json-format.md). */
export interface CloudEvent {
  readonly specversion: '1.0'
  readonly id: string
  /** `/bingo/SERVER_ID/SCHEMA`: with `id` unique, as the specification asks. */
  readonly source: string
  /** `schema.table.operation`. */
  readonly type: string
  /** Primary key values joined by `,`; left out for tables without a key. */
  readonly subject?: string
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly data: ChangeEvent
}

export function toCloudEvent(event: ChangeEvent): CloudEvent {
  const subject = event.key === null ? {} : { subject: Object.values(event.key).map(String).join(',') }
  return {
    specversion: '1.0',
    id: event.id,
    source: `/bingo/${event.serverId}/${encodeURIComponent(event.schema)}`,
    type: `${event.schema}.${event.table}.${event.op}`,
    ...subject,
    time: event.ts,
    datacontenttype: 'application/json',
    data: event,
  }
}
