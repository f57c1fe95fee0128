/**
 * What people write in `config/bingo.yaml`. Everything but the source's address has a default (defaults.ts).
 * Durations are texts with a unit (`250ms`, `10s`, `5m`, `1h`, `7d`), sizes too (`32MiB`); strings may hold
 * `${env:NAME}` and `${file:/path}`. docs/configuration.md tells what each value means.
 */
export interface ConfigInput {
  name?: string
  source?: SourceInput
  /** Several sources instead of `source`, each with a name of its own. */
  sources?: ((SourceInput & { name: string }) | BrokerInput)[]
  checkpoint?: { store?: string; interval?: string }
  standby?: { lease?: string; ttl?: string }
  redis?: { url?: string }
  rules?: string | string[]
  watchRules?: boolean
  outbox?: object[]
  targets?: { [name: string]: object }
  lanes?: number
  budget?: string
  targetBudget?: string
  delivery?: {
    timeout?: string
    onFailure?: string
    retry?: { attempts?: number | string; maxAge?: string; min?: string; max?: string }
  }
  breaker?: { events?: number | 'unlimited' }
  spool?: { after?: string; maxBytes?: string }
  deadLetters?: { store?: string; maxCount?: number; maxBytes?: string; maxAge?: string }
  webhooks?: { allowCidrs?: string[] }
  shutdown?: { deadline?: string }
  http?: { listen?: string; token?: string; tokens?: TokenInput[] }
  events?: EventsInput
  /** Streams of domain events, which rules append to and read. */
  eventStore?: { url?: string; follow?: string; read?: string }
  /** One process reads, others act. */
  scale?: { through?: string; role?: string; shares?: number }
  /** Where sagas are kept, and for how long when they have ended. */
  sagas?: { store?: string; keep?: string }
  log?: { level?: string; rowValues?: boolean; deliveries?: boolean }
}

/** Posted events: what is taken in, and where it is kept. */
export interface EventsInput {
  store?: string
  index?: string
  environments?: string[]
  testEnvironments?: string[]
  retention?: string
  limits?: { event?: string; request?: string; depth?: number; batch?: number; rate?: number; hops?: number }
}

/** Who may use the HTTP API, and for what. */
export interface TokenInput {
  token: string
  name?: string
  scopes?: string[]
  environment?: string
}

/** A broker to read from (docs/sources.md). */
export type BrokerInput = BrokerCommonInput &
  (
    | { type: 'kafka'; topics: string | string[]; group?: string }
    | { type: 'nats'; stream: string; subjects?: string | string[]; durable?: string }
    | { type: 'redis'; streams: string | string[]; group?: string; field?: string }
  )

interface BrokerCommonInput {
  name?: string
  url: string
  format?: 'bingo' | 'debezium' | 'cloudevents' | 'json'
  eventType?: string
  from?: string
  onGap?: 'stop' | 'earliest' | 'latest'
}

/** A server to read from. */
export interface SourceInput {
  url?: string
  host?: string
  hosts?: string[]
  port?: number
  socket?: string
  user?: string
  password?: string
  tls?: string
  tlsCa?: string
  tlsCert?: string
  tlsKey?: string
  start?: string
  serverId?: number
  heartbeat?: string
  connectTimeout?: string
  queryTimeout?: string
  reconnect?: { min?: string; max?: string }
  onGap?: string
  ignoreStatementsOn?: string[]
}
