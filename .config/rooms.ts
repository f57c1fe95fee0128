/**
 * The rooms of src/ and who may know whom: one row per folder. `npm run lint:rooms` writes the import rules of
 * .oxlintrc.json from this table, and test/unit/rooms.test.ts fails for a folder without a row and for rules that were
 * not written anew. Imports run downwards only: a room imports rooms with a lower `floor`, never one of its own.
 */
export interface Room {
  /** Below src/. A room inside of another one (`rules/language`) is a room of its own. */
  readonly folder: string
  readonly floor: number
  readonly is: string
}

export const ROOMS: readonly Room[] = [
  { folder: 'model', floor: 0, is: 'the vocabulary: events, rules, deliveries, positions, errors, clock' },
  { folder: 'clients', floor: 1, is: 'one file opens each third-party client' },
  { folder: 'rules/language', floor: 1, is: 'CEL, templates, structures' },
  { folder: 'rules', floor: 2, is: 'YAML to rules, with places' },
  { folder: 'match', floor: 2, is: 'index by type and operation, programs compiled per shape' },
  { folder: 'log', floor: 2, is: 'event logs' },
  { folder: 'state', floor: 2, is: 'checkpoints, dead letters, leases' },
  { folder: 'targets', floor: 2, is: 'one folder per action type: YAML to plan, client, classification' },
  { folder: 'sources', floor: 2, is: 'where events come from' },
  { folder: 'outbox', floor: 2, is: 'the outbox library: entries saved with transactions, and their publication' },
  {
    folder: 'inbox',
    floor: 2,
    is: 'the inbox library: each message once per handler, each command of a saga at most once',
  },
  { folder: 'waiting', floor: 3, is: 'events that wait in a store: lines, records, and the jobs made of them again' },
  { folder: 'events', floor: 3, is: 'posted events: checks, publishing, due times, status' },
  { folder: 'event-store', floor: 3, is: 'streams of domain events: append, read, aggregate, follow' },
  { folder: 'sagas', floor: 3, is: 'sagas: the state machine, commands and answers, timers' },
  {
    folder: 'scale',
    floor: 4,
    is: 'changes that travel from a reader to workers: records, shares, order across shares',
  },
  { folder: 'deliver', floor: 4, is: 'queues, batches, retry, breaker, rate, redelivery' },
  { folder: 'flow', floor: 4, is: 'intake, watermark, lanes, windows, delays, back-pressure, pipeline' },
  { folder: 'ops', floor: 5, is: 'logger, metrics, health, admin API' },
  { folder: 'app', floor: 6, is: 'configuration to a running instance' },
  { folder: 'broker', floor: 7, is: 'the broker library: a pipeline whose rules are subscriptions' },
  { folder: 'demo', floor: 7, is: 'the demo and the servers that it starts' },
  { folder: 'cli', floor: 8, is: 'one file per command' },
]

/** Everywhere else time and timers come from the injected clock, so that a whole pipeline can run on a simulated one. */
export const TIMERS_ALLOWED: readonly string[] = ['clients', 'demo', 'cli']
export const CLOCK_FILE = 'model/clock.ts'

/** Third-party packages that one file of src/ opens for everybody else. Types are free: they cost nothing at run time. */
export const CLIENT_FILES: Readonly<Record<string, string>> = {
  '@nats-io/jetstream': 'clients/nats/nats.ts',
  '@nats-io/transport-node': 'clients/nats/nats.ts',
  '@platformatic/kafka': 'clients/kafka/kafka.ts',
  ajv: 'clients/ajv.ts',
  '@vlasky/zongji': 'sources/mysql/replica/zongji-client.ts',
  '@grpc/grpc-js': 'clients/grpc.ts',
  '@marcbachmann/cel-js': 'rules/language/cel/cel-engine.ts',
  '@hono/node-server': 'ops/api/app.ts',
  handlebars: 'rules/language/template/template-engine.ts',
  hono: 'ops/api/app.ts',
  ioredis: 'clients/redis/redis.ts',
  kysely: 'clients/kysely.ts',
  'drizzle-orm': 'clients/sql/drizzle.ts',
  'mysql2/promise': 'clients/mysql.ts',
  pg: 'clients/postgres.ts',
  pino: 'ops/logger.ts',
  'prom-client': 'ops/metrics/instruments.ts',
  'rabbitmq-client': 'clients/rabbitmq.ts',
  re2js: 'rules/language/cel/values/re2.ts',
  undici: 'clients/http.ts',
}
