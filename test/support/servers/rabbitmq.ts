import { readdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { BingoError } from '../../../src/model/errors.ts'
import { serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import type { Command } from '../../../src/demo/servers/command.ts'
import { unpackDebianPackages } from '../../../src/demo/servers/debian-packages.ts'
import { unpackedInstallation, type Installation } from '../../../src/demo/servers/installation.ts'
import { freePort } from '../../../src/demo/servers/ports.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'
import { ServerProcess } from '../../../src/demo/servers/server-process.ts'
import { TestServer } from './test-server.ts'

const PACKAGES = { title: 'RabbitMQ', name: 'rabbitmq-own', suite: 'own', packages: ['rabbitmq-server'] }

export interface RabbitmqOptions {
  /** Lines of `rabbitmq.conf`. */
  readonly config?: readonly string[]
  /** Opens a port for TLS as well; clients have to show a certificate of this authority. */
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string }
}

/** A broker together with the port mapper that every Erlang node needs; both are ours and end together. */
export class RabbitmqServer extends TestServer {
  readonly tlsPort: number
  readonly #epmd: ServerProcess
  readonly #configFile: string

  constructor(
    epmd: ServerProcess,
    tlsPort: number,
    configFile: string,
    ...broker: ConstructorParameters<typeof TestServer>
  ) {
    super(...broker)
    this.#epmd = epmd
    this.tlsPort = tlsPort
    this.#configFile = configFile
  }

  /** Lines of `rabbitmq.conf` from the next start on. */
  async configure(lines: readonly string[]): Promise<void> {
    await writeFile(this.#configFile, lines.map((line) => `${line}\n`).join(''))
  }

  override async stop(): Promise<void> {
    await super.stop()
    await this.#epmd.stop()
  }
}

/** A RabbitMQ broker (user and password guest) without plugins, from Debian's own packages: no root, nothing installed. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqServer> {
  const packages = await unpackDebianPackages(PACKAGES, serversCacheFolder(), progressOnStderr)
  const installation = await unpackedInstallation(packages)
  const epmd = await ServerProcess.create('the port mapper of Erlang')
  const broker = await ServerProcess.create('RabbitMQ')
  try {
    const [port, nodePort, epmdPort, tlsPort] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const args = ['-address', '127.0.0.1', '-port', String(epmdPort)]
    await epmd.start(await installation.command('epmd', args, epmd.surroundings(epmdPort)), () => accepts(epmdPort))
    await writeFile(join(broker.folder, 'enabled_plugins'), '[].')
    const command = await brokerCommand(installation, broker.folder, { port, nodePort, epmdPort })
    const isReady = () => speaksAmqp(port)
    const url = `amqp://guest:guest@127.0.0.1:${port}`
    const configFile = join(broker.folder, 'rabbitmq.conf')
    const server = new RabbitmqServer(epmd, tlsPort, configFile, port, url, broker, command, isReady)
    await server.configure([...(options.config ?? []), ...tlsSettings(tlsPort, options.tls)])
    await broker.start(command, isReady)
    return server
  } catch (error) {
    await broker.stop()
    await epmd.stop()
    throw error
  }
}

function tlsSettings(port: number, tls: RabbitmqOptions['tls']): string[] {
  if (tls === undefined) return []
  return [
    `listeners.ssl.1 = 127.0.0.1:${port}`,
    `ssl_options.cacertfile = ${tls.caFile}`,
    `ssl_options.certfile = ${tls.certFile}`,
    `ssl_options.keyfile = ${tls.keyFile}`,
    'ssl_options.verify = verify_peer',
    'ssl_options.fail_if_no_peer_cert = true',
  ]
}

interface Ports {
  readonly port: number
  readonly nodePort: number
  readonly epmdPort: number
}

/**
 * What the scripts `rabbitmq-server` and `erl` end up running. They are bypassed because Debian writes absolute paths into
 * them, and because a signal has to reach the broker itself, not a shell.
 */
async function brokerCommand(installation: Installation, folder: string, ports: Ports): Promise<Command> {
  const root = installation.root ?? '/'
  const erlang = join(root, 'usr/lib/erlang')
  const binaries = join('usr/lib/erlang', await only(erlang, /^erts-/), 'bin')
  const brokers = join(root, 'usr/lib/rabbitmq/lib')
  const home = join(brokers, await only(brokers, /^rabbitmq_server-/))
  const emulator = ['-sbwt', 'none', '-sbwtdcpu', 'none', '-sbwtdio', 'none']
  const places = [
    '--',
    '-root',
    erlang,
    '-bindir',
    join(root, binaries),
    '-progname',
    'erl',
    '--',
    '-home',
    folder,
    '--',
  ]
  const boot = ['-noinput', '-s', 'rabbit', 'boot', '-boot', join(erlang, 'bin/start_sasl')]
  const kernel = ['inet_dist_use_interface', '{127,0,0,1}', 'prevent_overlapping_partitions', 'false']
  const settings = ['-epmd_port', String(ports.epmdPort), '-kernel', ...kernel, '-syslog', 'logger', '[]']
  const args = [...emulator, ...places, ...boot, ...settings]
  const command = await installation.command(join(binaries, 'beam.smp'), args, { name: '', folder, port: undefined })
  const env = {
    HOME: folder,
    ROOTDIR: erlang,
    BINDIR: join(root, binaries),
    EMU: 'beam',
    PROGNAME: 'erl',
    ERL_LIBS: join(home, 'plugins'),
    RABBITMQ_HOME: home,
    RABBITMQ_PLUGINS_DIR: join(home, 'plugins'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_NODENAME: `bingo-${ports.port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(ports.port),
    RABBITMQ_DIST_PORT: String(ports.nodePort),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    SYS_PREFIX: '',
  }
  return { ...command, env }
}

/** The entry of a folder whose name carries a version that we do not know beforehand. */
async function only(folder: string, pattern: RegExp): Promise<string> {
  const name = (await readdir(folder)).find((entry) => pattern.test(entry))
  if (name === undefined) throw new BingoError('BINGO_SERVER_UNAVAILABLE', `${folder} has no entry like ${pattern}`)
  return name
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

/** A broker that cannot read a protocol header answers with its own (AMQP 0-9-1, section 4.2.2). */
function speaksAmqp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1_000, () => end(false))
    socket.once('connect', () => socket.write('ready???'))
    socket.once('data', (data) => end(data.toString('latin1').startsWith('AMQP')))
    socket.once('close', () => end(false))
    socket.once('error', () => end(false))
  })
}
