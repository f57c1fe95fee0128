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
const SOURCE = fileURLToPath(new URL('./debezium/OutboxRelay.java', import.meta.url))

/** Debezium's event router in its embedded engine, as Kafka Connect would run it but for Connect itself. */
export function debezium(pollMs?: number): Relay {
  return {
    name: pollMs === undefined ? 'Debezium, defaults' : `Debezium, poll.interval.ms=${pollMs}`,
    ...debeziumTable(),
    start: async (route) => {
      const jars = await fetchJars()
      const server = await ServerProcess.create('Debezium')
      try {
        const properties = join(server.folder, 'relay.properties')
        await writeFile(properties, propertiesOf(route, server.folder, pollMs))
        const args = ['-Xmx512m', '-XX:-UsePerfData', '-cp', join(jars, 'lib', '*'), SOURCE, properties]
        await server.start({ command: 'java', args, env: {} }, async () => true)
      } catch (error) {
        await server.stop()
        throw error
      }
      return { [Symbol.asyncDispose]: () => server.stop() }
    },
  }
}

function propertiesOf({ sql, database, broker }: Route, folder: string, pollMs: number | undefined): string {
  const properties = {
    name: 'relay',
    'connector.class': 'io.debezium.connector.mysql.MySqlConnector',
    'topic.prefix': database,
    'database.hostname': sql.host,
    'database.port': sql.port,
    'database.user': sql.user,
    'database.password': new URL(sql.url).password,
    'database.server.id': 4_711,
    'database.include.list': database,
    'table.include.list': `${database}.outbox`,
    'snapshot.mode': 'no_data',
    'include.schema.changes': false,
    'offset.storage': 'org.apache.kafka.connect.storage.FileOffsetBackingStore',
    'offset.storage.file.filename': join(folder, 'offsets'),
    'schema.history.internal': 'io.debezium.storage.file.history.FileSchemaHistory',
    'schema.history.internal.file.filename': join(folder, 'schemas'),
    transforms: 'outbox',
    'transforms.outbox.type': 'io.debezium.transforms.outbox.EventRouter',
    'transforms.outbox.route.topic.replacement': '${routedByValue}',
    ...(pollMs === undefined ? {} : { 'poll.interval.ms': pollMs }),
    'relay.brokers': broker,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value)}\n`)
    .join('')
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
