import type { SqlServer } from '../../../src/demo/servers/sql-server.ts'

/** Where a relay reads and writes; each has a database and a topic of its own. */
export interface Route {
  readonly sql: SqlServer
  readonly database: string
  readonly broker: string
  readonly topic: string
}

/** A relay at work, until it is disposed of. */
export interface Running extends AsyncDisposable {
  /** Rejects where it has ended by itself. */
  mustRun?(): Promise<unknown>
  /** Message `n` is committed. */
  committed?(n: number): void
}

/** What carries rows of an outbox to Kafka. */
export interface Relay {
  readonly name: string
  /** The table and whatever else it needs in the database of the route. */
  readonly tables: (route: Route) => readonly string[]
  /** The INSERT of message `n`; its payload is the value of the record. */
  readonly insert: (n: number, route: Route) => string
  readonly start: (route: Route) => Promise<Running>
}

const TEXT = 'x'.repeat(200)

export function payloadOf(n: number): string {
  return JSON.stringify({ n, text: TEXT })
}

export const keyOf = (n: number): string => `order-${Math.abs(n) % 100}`

/** The table that Debezium's event router reads by default, and the insert into it. */
export function debeziumTable(more = ''): Pick<Relay, 'tables' | 'insert'> {
  return {
    tables: ({ database }) => [
      `CREATE TABLE ${database}.outbox (${more} id CHAR(36) NOT NULL, aggregatetype VARCHAR(255) NOT NULL, aggregateid VARCHAR(255) NOT NULL,
        type VARCHAR(255) NOT NULL, payload JSON, ${more === '' ? 'PRIMARY KEY (id)' : 'UNIQUE KEY (id)'})`,
    ],
    insert: (n, { database, topic }) =>
      `INSERT INTO ${database}.outbox (id, aggregatetype, aggregateid, type, payload) VALUES (UUID(), '${topic}', '${keyOf(n)}', 'order.placed', '${payloadOf(n)}')`,
  }
}
