import { fileURLToPath } from 'node:url'
import { ServerProcess } from '../../../src/demo/servers/server-process.ts'
import { goProgram } from '../go-program.ts'
import { keyOf, payloadOf, type Relay } from './relay.ts'

const VERSION = '4.1.2'
const SOURCE = fileURLToPath(new URL('./watermill', import.meta.url))

/** Watermill's subscriber of MySQL, which polls, before its publisher of Kafka. Needs Go. */
export function watermill(interval: string): Relay {
  return {
    name: `watermill-sql, polling every ${interval}`,
    tables: ({ database }) => [
      `CREATE TABLE ${database}.watermill_outbox (\`offset\` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, uuid VARCHAR(36) NOT NULL,
        created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, payload JSON, metadata JSON)`,
    ],
    insert: (n, { database }) =>
      `INSERT INTO ${database}.watermill_outbox (uuid, payload, metadata) VALUES (UUID(), '${payloadOf(n)}', '{"key": "${keyOf(n)}"}')`,
    start: async ({ sql, database, broker, topic }) => {
      const command = await goProgram(`watermill-sql-${VERSION}`, SOURCE)
      const server = await ServerProcess.create('Watermill')
      try {
        const dsn = `${sql.user}:${new URL(sql.url).password}@tcp(${sql.host}:${sql.port})/${database}?parseTime=true`
        await server.start({ command, args: [dsn, broker, topic, interval], env: {} }, async () => true)
      } catch (error) {
        await server.stop()
        throw error
      }
      return { [Symbol.asyncDispose]: () => server.stop() }
    },
  }
}
