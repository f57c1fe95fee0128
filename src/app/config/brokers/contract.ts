import type { SourceLocation } from '../../../model/errors.ts'
import type { BrokerType } from '../../../sources/broker/address.ts'
import type { RecordFormat } from '../../../sources/broker/contract.ts'
import type { OnGap } from '../../../sources/broker/errors.ts'
import type { BrokerStart } from '../../../sources/broker/start.ts'

/** An entry of `sources:` that is a broker, checked and complete. */
export interface BrokerConfig {
  readonly name: string
  readonly type: BrokerType
  /** As written: with references to secrets. */
  readonly url: string
  /** Topics, subjects, or keys of streams: names and patterns. */
  readonly topics: readonly string[]
  /** NATS: the stream that has the subjects; else empty. */
  readonly stream: string
  /** Consumer group; NATS: the durable consumer. Null: the name of the instance. */
  readonly group: string | null
  readonly format: RecordFormat
  /** Type of events whose records name none; null: the topic. */
  readonly eventType: string | null
  /** Redis: the field of an entry that is the value; null: the only one, or the one that is called so. */
  readonly field: string | null
  readonly start: BrokerStart
  readonly onGap: OnGap
  readonly location: SourceLocation
  /** All of the entry as data: equal entries have equal texts. */
  readonly written: string
}
