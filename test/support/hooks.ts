import { DatabaseSync } from 'node:sqlite'
import { SqliteDialect } from 'kysely'
import { BingoError, createBroker } from '../../src/index.ts'
import type { Broker, BrokerEvent, HookPublisher } from '../../src/index.ts'

/** A broker that has started, and the events that came to its handlers. */
export async function listeningBroker(): Promise<{ broker: Broker; events: BrokerEvent[] } & AsyncDisposable> {
  const broker = createBroker({ shutdown: 0 })
  const events: BrokerEvent[] = []
  broker.subscribe('*', (event) => void events.push(event))
  await broker.start()
  return { broker, events, [Symbol.asyncDispose]: async () => void (await broker.stop()) }
}

/** Brokers that take no event, by what is wrong with them; what they tell, where they tell anything. */
export const BROKEN: readonly (readonly [what: string, make: () => Promise<HookPublisher>, code: string | null])[] = [
  ['not started', async () => createBroker(), 'BINGO_BROKER_NOT_STARTED'],
  ['stopped', stoppedBroker, 'BINGO_BROKER_STOPPED'],
  ['full', fullBroker, 'BINGO_BROKER_FULL'],
  ['on a store that is down', async () => ({ publishAsync: () => Promise.reject(down()) }), 'BINGO_LOG_UNREACHABLE'],
  ['on a store that never answers', async () => ({ publishAsync: () => new Promise(() => undefined) }), null],
  [
    'that throws',
    async () => ({
      publishAsync: () => {
        throw down()
      },
    }),
    'BINGO_LOG_UNREACHABLE',
  ],
]

async function stoppedBroker(): Promise<HookPublisher> {
  const broker = createBroker()
  await broker.start()
  await broker.stop()
  return broker
}

async function fullBroker(): Promise<HookPublisher> {
  const broker = createBroker({ buffer: 1, shutdown: 0 })
  broker.subscribe('*', () => new Promise(() => undefined))
  await broker.start()
  await broker.publishAsync('fills.it', null)
  return broker
}

function down(): BingoError {
  return new BingoError('BINGO_LOG_UNREACHABLE', 'the store is down', { retryable: true })
}

/** SQLite in memory, of Node, as Kysely wants it. */
export function sqliteDialect(): SqliteDialect {
  const database = new DatabaseSync(':memory:')
  return new SqliteDialect({
    database: {
      close: () => database.close(),
      prepare: (sql) => {
        const statement = database.prepare(sql)
        const reader = statement.columns().length > 0
        return {
          reader,
          all: (parameters) => statement.all(...(parameters as string[])),
          run: (parameters) => statement.run(...(parameters as string[])),
          iterate: (parameters) => statement.iterate(...(parameters as string[])),
        }
      },
    },
  })
}
