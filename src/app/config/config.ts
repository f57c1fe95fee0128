import type { SourceLocation } from '../../model/errors.ts'
import type { StartPoint } from '../../model/source/position.ts'
import type { OnFailure, RetryOptions } from '../../model/rule/rule.ts'
import type { TreeNode } from '../../rules/yaml/tree.ts'
import type { EventLimits, HttpToken } from '../../events/settings.ts'
import type { BrokerConfig } from './brokers/contract.ts'
import type { OutboxConfig } from './outbox/contract.ts'
import type { HostPort, SourceAddress } from '../../sources/mysql/source-address.ts'

/**
 * Everything the daemon was told, checked and complete: file, environment and defaults are merged, secrets are
 * resolved, durations are milliseconds, sizes are bytes. Deeply frozen. Made by `loadConfig` (load.ts) only;
 * what people may write is `ConfigInput` (input.ts).
 */
export interface Config {
  /** Identity of this instance: key of the checkpoint, owner of the dead letters, seed of the server id. */
  readonly name: string
  /** The first of the sources; where there is none, what `source:` says all the same. */
  readonly source: SourceConfig
  /** Empty only where events are taken in. */
  readonly sources: readonly NamedSourceConfig[]
  readonly checkpoint: CheckpointConfig
  readonly standby: StandbyConfig
  readonly redis: RedisConfig
  readonly rules: RulesConfig
  /** Those of `sources:` that are brokers. */
  readonly brokers: readonly BrokerConfig[]
  /** `outbox:`, in the order written. */
  readonly outboxes: readonly OutboxConfig[]
  /** `targets:` by name, in the order written. */
  readonly targets: ReadonlyMap<string, NamedTarget>
  /** Ordered lanes that row keys are hashed onto. */
  readonly lanes: number
  /** Bytes of unfinished work before reading pauses (invariant 6). */
  readonly budgetBytes: number
  /** How much of it a target that is down may hold before reading pauses; undefined: three quarters. */
  readonly targetBudgetBytes: number | undefined
  /** What actions start from; targets, rules and actions override it. */
  readonly delivery: DeliveryConfig
  /** When a target that is down overflows into the store, and how much it may. */
  readonly spool: { readonly afterMs: number; readonly maxBytes: number }
  /** So many changes in a row that fail with one code suspend their rule; Infinity: none. */
  readonly breakerEvents: number
  readonly deadLetters: DeadLetterConfig
  readonly webhooks: WebhookConfig
  readonly shutdown: ShutdownConfig
  readonly http: HttpConfig
  /** Null: none are taken in. */
  readonly events: EventsConfig | null
  /** Streams that rules append to and read; null: there are none. */
  readonly eventStore: EventStoreConfig | null
  /** Null: this process does all of the work, or says nothing of others. */
  readonly scale: ScaleConfig | null
  readonly sagas: SagasConfig
  readonly log: LogConfig
  /** Where the configuration was read from; null when there was no file. */
  readonly file: string | null
}

export interface SagasConfig {
  /** undefined: with the dead letters. */
  readonly store: string | undefined
  /** How long ended instances are kept. */
  readonly keepMs: number
}

/** The name of the one source that `source:` describes. */
export const MAIN_SOURCE = 'binlog'

export interface NamedSourceConfig extends SourceConfig {
  readonly name: string
}

export interface SourceConfig extends SourceAddress {
  /** Servers of one group in the order of preference; the first is `host` and `port`. Empty: that one only. */
  readonly hosts: readonly HostPort[]
  /** Where the very first start begins; later ones go on from the checkpoint. */
  readonly start: StartPoint
  /** `start` was said by somebody: a start without a checkpoint is meant. */
  readonly startGiven: boolean
  /** null: derived from `name`. */
  readonly serverId: number | null
  /** How often the server says that it is alive while it has nothing to send. */
  readonly heartbeatMs: number
  readonly connectTimeoutMs: number
  /** Longest wait for an answer on the control connection. */
  readonly queryTimeoutMs: number
  readonly reconnect: ReconnectConfig
  /** What to do when the server no longer has (or never had) the events after the checkpoint (invariant 8). */
  readonly onGap: 'stop' | 'earliest' | 'latest'
  /** Patterns of tables whose changes may be logged as statements: they are skipped, on record. */
  readonly ignoreStatementsOn: readonly string[]
}

/** Full-jitter backoff between attempts to reach the server. */
export interface ReconnectConfig {
  readonly minMs: number
  readonly maxMs: number
}

export interface CheckpointConfig {
  /** `redis://…` (also rediss, sentinel, cluster), `mysql://…`, `mariadb://…`, `postgres://…`, `file:/path` or `memory:`. */
  readonly store: string
  /** Longest time between a finished transaction and its being remembered. */
  readonly intervalMs: number
}

export interface StandbyConfig {
  /** Where the instances of one name find out which of them leads; `off`: there is one. */
  readonly lease: 'off' | 'store' | 'mysql'
  /** A leader that is not heard of for so long is replaced. */
  readonly ttlMs: number
}

export interface RedisConfig {
  /** For `type: redis` actions without an address: `redis.url`, else the checkpoint's Redis, else undefined. */
  readonly url: string | undefined
}

export interface RulesConfig {
  /** Files, folders and globs. */
  readonly patterns: readonly string[]
  /** Nobody named any, and there is work without them. */
  readonly mayBeMissing: boolean
  /** What relative patterns are relative to (absolute path): the working directory. */
  readonly baseDir: string
  /** Load them again when their files change. */
  readonly watch: boolean
}

/** A target as written under `targets:`. The rule loader checks it and resolves its secrets. */
export interface NamedTarget {
  readonly name: string
  /** What stands below the name: a map in a right configuration. */
  readonly tree: TreeNode
  /** Place of the name. */
  readonly location: SourceLocation
}

export interface DeliveryConfig {
  readonly timeoutMs: number
  readonly retry: RetryOptions
  readonly onFailure: OnFailure
}

export interface DeadLetterConfig {
  /** `redis://…`, `file:/path` or `memory:`; undefined: beside the checkpoint. */
  readonly store: string | undefined
  readonly maxCount: number
  readonly maxBytes: number
  readonly maxAgeMs: number
}

export interface WebhookConfig {
  /** Networks that webhooks may reach beyond what is allowed anyway. */
  readonly allowCidrs: readonly string[]
}

export interface ShutdownConfig {
  /** From the first SIGTERM to the exit, at most. */
  readonly deadlineMs: number
}

export interface HttpConfig {
  /** null: no server. */
  readonly listen: { readonly host: string; readonly port: number } | null
  /** Bearer token; required to listen on anything but loopback. */
  readonly token: string | undefined
  /** Further ones, for a part of what there is. */
  readonly tokens: readonly HttpToken[]
}

export interface EventsConfig {
  /** `file:PATH`, `memory:`, `mysql://…`, `postgres://…`, `nats://…`. */
  readonly store: string
  /** What stands beside a store that cannot look up, delay or deduplicate; null: the store can. */
  readonly index: string | null
  /** The first is that of posters who have no token. */
  readonly environments: readonly string[]
  /** Events of these are tests. */
  readonly testEnvironments: ReadonlySet<string>
  /** How long ended events and ids are kept. */
  readonly retentionMs: number
  readonly limits: EventLimits
}

export interface EventStoreConfig {
  /** As for createEventStore. */
  readonly url: string
  /** Whether its events come to the rules, and where the very first start begins. */
  readonly follow: 'off' | 'earliest' | 'latest'
  /** `binlog`: in the order of commits, from the sources; SQL is read for what was there before. */
  readonly read: 'sql' | 'binlog'
}

/** `all`: it reads and acts; `reader`: it appends what rules want; `worker`: it acts on shares of that. */
export type ScaleRole = 'all' | 'reader' | 'worker'

export interface ScaleConfig {
  /** `kafka://…`, `nats://…` or a Redis address. */
  readonly through: string
  readonly role: ScaleRole
  /** Into how many the keys are divided; each is done by one worker at a time. */
  readonly shares: number
}

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Allow row values in log lines; off by default because they may be personal data. */
  readonly rowValues: boolean
  /** A line at level info for each send: rule, action, event ids, target, status, milliseconds. */
  readonly deliveries: boolean
}
