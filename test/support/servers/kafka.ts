import { readdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { BingoError } from '../../../src/core/errors.ts'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { findOnPath, runCommand } from '../../../src/demo/servers/command.ts'
import { freePort } from '../../../src/demo/servers/ports.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'
import { ServerProcess } from '../../../src/demo/servers/server-process.ts'
import { TestServer } from './test-server.ts'

const VERSION = '4.1.1'
/** Any 16 bytes in base64url name a cluster. */
const CLUSTER_ID = 'YmluZ28tdGVzdC1rYWZrYQ'

/** A Kafka broker (KRaft, one node), from Maven Central: needs Java 17 and Maven. */
export async function startKafka(): Promise<TestServer> {
  for (const program of ['java', 'mvn']) {
    if ((await findOnPath(program)) === undefined) {
      throw new BingoError('BINGO_SERVER_UNAVAILABLE', `Kafka needs ${program}, which is not on the path`, {
        hint: 'Install a JDK (17 or newer) and Maven.',
      })
    }
  }
  const jars = await ensureCached(serversCacheFolder(), `kafka-${VERSION}`, fetchJars)
  const server = await ServerProcess.create('Kafka')
  try {
    const [port, controllerPort] = [await freePort(), await freePort()]
    const properties = join(server.folder, 'server.properties')
    await writeFile(properties, brokerProperties(server.folder, port, controllerPort))
    const classPath = join(jars, 'lib', '*')
    const format = ['-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties]
    await runCommand({ command: 'java', args: format, env: {} })
    const command = { command: 'java', args: ['-Xmx512m', '-cp', classPath, 'kafka.Kafka', properties], env: {} }
    const isReady = () => accepts(port)
    await server.start(command, isReady)
    return new TestServer(port, `127.0.0.1:${port}`, server, command, isReady)
  } catch (error) {
    await server.stop()
    throw error
  }
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

function brokerProperties(folder: string, port: number, controllerPort: number): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(folder, 'logs'),
    'num.partitions': 4,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
