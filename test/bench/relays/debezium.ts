import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'
import { ServerProcess } from '../../../src/demo/servers/server-process.ts'
import { debeziumTable, type Relay, type Route } from './relay.ts'

const VERSION = '3.6.1.Final'
const LOG_VERSION = '2.0.17'
const SOURCE = fileURLToPath(new URL('./debezium/Relay.java', import.meta.url))

interface Engine extends AsyncDisposable {
  readonly pid: number
  /** Rejects where it has ended. */
  mustRun(): Promise<void>
}

/** Debezium's event router in its embedded engine, as Kafka Connect would run it but for Connect itself. */
export function debezium(pollMs?: number): Relay {
  return {
    name: pollMs === undefined ? 'Debezium, defaults' : `Debezium, poll.interval.ms=${pollMs}`,
    ...debeziumTable(),
    start: (route) => {
      const properties = {
        'table.include.list': `${route.database}.outbox`,
        transforms: 'outbox',
        'transforms.outbox.type': 'io.debezium.transforms.outbox.EventRouter',
        'transforms.outbox.route.topic.replacement': '${routedByValue}',
        ...(pollMs === undefined ? {} : { 'poll.interval.ms': pollMs }),
        'relay.format': 'text',
        // As fast as it can: Kafka 4 waits for 5 ms by default.
        'producer.linger.ms': 0,
      }
      return startEngine(route, ['-Xmx512m'], properties)
    },
  }
}

/** A topic `PREFIX.DATABASE.TABLE` for each table, tuned for throughput: large batches, JSON without schemas, made on all cores. */
export function debeziumRows(route: Pick<Route, 'sql' | 'database' | 'broker'>, table: string): Promise<Engine> {
  return startEngine(route, ['-Xmx2g', '-XX:+UseParallelGC'], {
    'table.include.list': `${route.database}.${table}`,
    'poll.interval.ms': 10,
    'max.batch.size': 20_480,
    'max.queue.size': 81_920,
    'key.converter.schemas.enable': false,
    'value.converter.schemas.enable': false,
    'record.processing.threads': 'AVAILABLE_CORES',
    'offset.flush.interval.ms': 1_000,
    'relay.format': 'json',
    'producer.batch.size': 1 << 20,
    'producer.linger.ms': 5,
    'producer.buffer.memory': 128 << 20,
  })
}

/** `debezium/Relay.java` with the connector of MySQL: without a snapshot, from the present end of the binlog on. */
async function startEngine(
  { sql, database, broker }: Pick<Route, 'sql' | 'database' | 'broker'>,
  flags: readonly string[],
  more: object,
): Promise<Engine> {
  const jars = await fetchJars()
  const server = await ServerProcess.create('Debezium')
  try {
    const file = join(server.folder, 'relay.properties')
    const producer = {
      'producer.bootstrap.servers': broker,
      'producer.acks': 'all',
      'producer.enable.idempotence': true,
    }
    const properties = Object.entries({ ...connectorOf(sql, database, server.folder), ...more, ...producer })
    await writeFile(file, properties.map(([name, value]) => `${name}=${String(value)}\n`).join(''))
    const args = [...flags, '-XX:-UsePerfData', '-cp', join(jars, 'lib', '*'), SOURCE, file]
    await server.start({ command: 'java', args, env: {} }, async () => true)
    return {
      pid: server.pid!,
      async mustRun() {
        const end = await server.unexpectedEnd(undefined)
        if (end !== null) throw end
      },
      [Symbol.asyncDispose]: () => server.stop(),
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

function connectorOf(sql: Route['sql'], database: string, folder: string): object {
  return {
    name: 'relay',
    'connector.class': 'io.debezium.connector.mysql.MySqlConnector',
    'topic.prefix': database,
    'database.hostname': sql.host,
    'database.port': sql.port,
    'database.user': sql.user,
    'database.password': new URL(sql.url).password,
    'database.server.id': 4_711,
    'database.include.list': database,
    'snapshot.mode': 'no_data',
    'include.schema.changes': false,
    'offset.storage': 'org.apache.kafka.connect.storage.FileOffsetBackingStore',
    'offset.storage.file.filename': join(folder, 'offsets'),
    'schema.history.internal': 'io.debezium.storage.file.history.FileSchemaHistory',
    'schema.history.internal.file.filename': join(folder, 'schemas'),
  }
}

function fetchJars(): Promise<string> {
  return ensureCached(serversCacheFolder(), `debezium-${VERSION}`, async (folder) => {
    progressOnStderr(`fetching Debezium ${VERSION} from Maven Central …`)
    const dependency = (group: string, artifact: string, version: string) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
    const pom = `<project><modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>debezium</artifactId><version>1</version>
<dependencies>${dependency('io.debezium', 'debezium-embedded', VERSION)}${dependency('io.debezium', 'debezium-connector-mysql', VERSION)}
${dependency('org.slf4j', 'slf4j-simple', LOG_VERSION)}${dependency('org.slf4j', 'slf4j-api', LOG_VERSION)}</dependencies></project>`
    await writeFile(join(folder, 'pom.xml'), pom)
    const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`]
    await runCommand({ command: 'mvn', args, env: {} }, { cwd: folder })
    if ((await readdir(join(folder, 'lib'))).length === 0) throw new Error('Maven brought no jars of Debezium')
  })
}
