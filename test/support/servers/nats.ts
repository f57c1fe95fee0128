import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findInstallation } from '../../../src/demo/servers/find-installation.ts'
import { atLeast } from '../../../src/demo/servers/installation.ts'
import type { Wanted } from '../../../src/demo/servers/find-installation.ts'
import { freePort } from '../../../src/demo/servers/ports.ts'
import { ServerProcess } from '../../../src/demo/servers/server-process.ts'
import { TestServer } from './test-server.ts'

const WANTED: Wanted = {
  title: 'NATS',
  program: 'nats-server',
  // 2.9 tells of messages that are too large, and of users, in other ways than what is tested here.
  accepts: (line) => atLeast(line, 2, 10),
  packages: [
    { title: 'NATS', name: 'nats-sid', suite: 'sid', packages: ['nats-server'] },
    { title: 'NATS', name: 'nats-own', suite: 'own', packages: ['nats-server'] },
  ],
  image: 'nats:2',
}

export interface NatsOptions {
  /** Text of a configuration file: users, TLS, limits. Address, port and JetStream are set beside it. */
  readonly config?: string
  readonly jetStream?: boolean
}

/** A NATS server, with JetStream on disk where it is not left out. */
export function startNats(options: NatsOptions = {}): Promise<TestServer> {
  return findInstallation(WANTED, {}, async (installation) => {
    const server = await ServerProcess.create('NATS', installation.engine)
    try {
      const port = await freePort()
      const configFile = join(server.folder, 'nats.conf')
      await writeFile(configFile, options.config ?? '')
      const args = ['-c', configFile, '-a', installation.bindAddress, '-p', String(port)]
      if (options.jetStream !== false) args.push('-js', '-sd', server.folder)
      const command = await installation.command('nats-server', args, server.surroundings(port))
      const isReady = () => greets(port)
      await server.start(command, isReady)
      return new TestServer(port, `nats://127.0.0.1:${port}`, server, command, isReady)
    } catch (error) {
      await server.stop()
      throw error
    }
  })
}

/** A NATS server speaks first: `INFO {…}`. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1000, () => end(false))
    socket.once('data', (data) => end(data.toString().startsWith('INFO ')))
    socket.once('error', () => end(false))
  })
}
