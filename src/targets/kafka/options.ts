import type { Content } from '../../model/event/bytes/content.ts'
import type { TlsFiles } from '../tls-files.ts'

export interface KafkaActionOptions {
  /** Where it is the same for every event. */
  readonly topic: string | undefined
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly contentType: string
  /** The topic as the rule has it. */
  readonly topicSource: string
}

export interface SaslOptions {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}

export interface KafkaTargetOptions {
  /** Milliseconds; Infinity: for ever. */
  readonly maxConnectionAgeMs: number
  readonly brokers: readonly string[]
  readonly createTopics: boolean
  /** Sends in transactions, with a record of what was sent. */
  readonly exactlyOnce: boolean
  readonly tls: TlsFiles | null
  readonly sasl: SaslOptions | null
}

/** One record, rendered. */
export interface KafkaPayload {
  readonly topic: string
  readonly key: string
  readonly headers: { readonly [name: string]: string }
  /** Null: a tombstone, which deletes the key from a compacted topic. */
  readonly value: Content | null
  /** A record without a value follows, which deletes the key from a compacted topic. */
  readonly tombstone?: boolean
}
