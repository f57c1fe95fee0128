import { cp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BingoError } from '../../../src/model/errors.ts'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { findOnPath, runCommand, type Command } from '../../../src/demo/servers/command.ts'
import { freePort } from '../../../src/demo/servers/ports.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'
import { ServerProcess } from '../../../src/demo/servers/server-process.ts'
import { accepts } from './accepts.ts'
import { KAFKA_USER, writeProperties } from './kafka-properties.ts'
import type { KafkaTls, NodePorts, NodeSettings } from './kafka-properties.ts'
import { TestServer } from './test-server.ts'

const VERSION = '4.1.1'
/** Any 16 bytes in base64url name a cluster. */
const CLUSTER_ID = 'YmluZ28tdGVzdC1rYWZrYQ'
const CLASSES = 'classes.jsa'

export interface KafkaOptions {
  /** Listeners for TLS as well. */
  readonly tls?: KafkaTls
  /** What a single broker tells its clients to connect to, where that is not its own port. */
  readonly advertisedPort?: number | undefined
}

/** A broker; `ports.tls` and `ports.sasl` listen where it was started with certificates. */
export class KafkaNode extends TestServer {
  readonly ports: NodePorts

  constructor(ports: NodePorts, ...node: ConstructorParameters<typeof TestServer>) {
    super(...node)
    this.ports = ports
  }
}

/** A Kafka broker (KRaft, one node), from Maven Central: needs Java 17 and Maven. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaNode> {
  const [node] = await startKafkaCluster(1, options)
  return node!
}

/** Several brokers of one cluster, each a controller as well. */
export async function startKafkaCluster(nodes: number, options: KafkaOptions = {}): Promise<readonly KafkaNode[]> {
  const jars = await kafkaJars()
  const ports: NodePorts[] = []
  for (let id = 1; id <= nodes; id++) ports.push(await freePorts())
  const starts = ports.map((_, i) =>
    startNode(jars, { id: i + 1, ports, tls: options.tls, advertisedPort: options.advertisedPort }),
  )
  const started = await Promise.allSettled(starts)
  const failed = started.find((start) => start.status === 'rejected')
  const running = started.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  if (failed === undefined) return running
  await Promise.all(running.map((node) => node.stop()))
  throw failed.reason
}

/** Command line of a tool of Kafka, by its class: that is what its shell scripts start. */
export async function kafkaTool(tool: string, args: readonly string[], folder: string): Promise<Command> {
  return { command: 'java', args: [...jvm(await kafkaJars(), folder), tool, ...args], env: {} }
}

async function kafkaJars(): Promise<string> {
  for (const program of ['java', 'mvn']) {
    if ((await findOnPath(program)) === undefined) {
      throw new BingoError('BINGO_SERVER_UNAVAILABLE', `Kafka needs ${program}, which is not on the path`, {
        hint: 'Install a JDK (17 or newer) and Maven.',
      })
    }
  }
  return ensureCached(serversCacheFolder(), `kafka-${VERSION}`, fetchJars)
}

async function startNode(jars: string, settings: Omit<NodeSettings, 'folder'>): Promise<KafkaNode> {
  const server = await ServerProcess.create('Kafka')
  try {
    const ports = settings.ports[settings.id - 1]!
    const properties = await writeProperties({ ...settings, folder: server.folder })
    await cp(await formattedLogs(jars, settings), join(server.folder, 'logs'), { recursive: true })
    const args = [`-XX:SharedArchiveFile=${await loadedClasses(jars)}`, ...broker(jars, server.folder), properties]
    const command = { command: 'java', args, env: {} }
    const isReady = () => accepts(ports.client)
    await server.start(command, isReady)
    return new KafkaNode(ports, ports.client, `127.0.0.1:${ports.client}`, server, command, isReady)
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** The log folder of a node that has not run yet; what is in it depends on nothing but the node's id. */
async function formattedLogs(jars: string, settings: Omit<NodeSettings, 'folder'>): Promise<string> {
  const name = `kafka-${VERSION}-formatted-${settings.id}`
  const folder = await ensureCached(serversCacheFolder(), name, async (partial) => {
    const properties = await writeProperties({ ...settings, tls: undefined, folder: partial })
    const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties, ...scramUsers()]
    await runCommand({ command: 'java', args: [...jvm(jars, partial), ...format], env: {} })
  })
  return join(folder, 'logs')
}

/**
 * The classes of a broker as it has loaded them, which spares each start a third of its CPU time. A Java of another version
 * takes no notice of them.
 */
async function loadedClasses(jars: string): Promise<string> {
  const folder = await ensureCached(serversCacheFolder(), `kafka-${VERSION}-classes`, async (partial) => {
    const ports = [await freePorts()]
    const settings = { id: 1, ports, tls: undefined, advertisedPort: undefined }
    const server = await ServerProcess.create('Kafka')
    try {
      const properties = await writeProperties({ ...settings, folder: server.folder })
      await cp(await formattedLogs(jars, settings), join(server.folder, 'logs'), { recursive: true })
      const archive = `-XX:ArchiveClassesAtExit=${join(partial, CLASSES)}`
      const command = { command: 'java', args: [archive, ...broker(jars, server.folder), properties], env: {} }
      await server.start(command, () => accepts(ports[0]!.client))
      await server.kill('SIGTERM')
    } finally {
      await server.stop()
    }
  })
  return join(folder, CLASSES)
}

async function freePorts(): Promise<NodePorts> {
  return { client: await freePort(), controller: await freePort(), tls: await freePort(), sasl: await freePort() }
}

function broker(jars: string, folder: string): string[] {
  return [...jvm(jars, folder), '-Xmx512m', 'kafka.Kafka']
}

/** Brokers live for seconds here: they are not to spend them on optimizing code and on threads that collect garbage. */
function jvm(jars: string, folder: string): string[] {
  // Native libraries are unpacked there, and left there by a broker that is killed.
  const flags = [`-Djava.io.tmpdir=${folder}`, '-XX:-UsePerfData', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
  return [...flags, '-cp', join(jars, 'lib', '*')]
}

function scramUsers(): string[] {
  const { username, password } = KAFKA_USER
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${username},password=${password}]`,
  ])
}

async function fetchJars(folder: string): Promise<void> {
  progressOnStderr(`fetching Kafka ${VERSION} from Maven Central …`)
  const dependency = (artifact: string) =>
    `<dependency><groupId>org.apache.kafka</groupId><artifactId>${artifact}</artifactId><version>${VERSION}</version></dependency>`
  const pom = `<project><modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>${dependency('kafka_2.13')}${dependency('kafka-tools')}</dependencies></project>`
  await writeFile(join(folder, 'pom.xml'), pom)
  const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`]
  await runCommand({ command: 'mvn', args, env: {} }, { cwd: folder })
  if ((await readdir(join(folder, 'lib'))).length === 0) {
    throw new BingoError('BINGO_SERVER_UNAVAILABLE', 'Maven brought no jars of Kafka')
  }
}
