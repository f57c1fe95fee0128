import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Command } from './command.ts'
import { runCommand } from './command.ts'
import { findInstallation } from './find-installation.ts'
import type { Wanted } from './find-installation.ts'
import { atLeast } from './installation.ts'
import type { Installation } from './installation.ts'
import { freePort } from './ports.ts'
import { redisCommand } from './redis-command.ts'
import { ServerProcess } from './server-process.ts'

const PACKAGES = ['redis-server', 'redis-tools']

const WANTED: Wanted = {
  title: 'Redis',
  program: 'redis-server',
  accepts: (line) => atLeast(line, 7, 0),
  packages: [
    { title: 'Redis', name: 'redis-sid', suite: 'sid', packages: PACKAGES },
    { title: 'Redis', name: 'redis-own', suite: 'own', packages: PACKAGES },
  ],
  image: 'redis:8',
}

export interface RedisServerOptions {
  /** Further options for the server's command line; nothing is saved to disk by default. */
  readonly args?: readonly string[]
  /** Text of a configuration file; a Sentinel needs one that it can write to. */
  readonly config?: string
  readonly onProgress?: (message: string) => void
}

/** A Redis that runs. Commands for it (`cli`) are as for `redis-cli`, so tests depend on no client library. */
export class RedisServer implements AsyncDisposable {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly origin: string
  readonly process: ServerProcess
  private readonly installation: Installation
  private readonly command: Command

  constructor(port: number, installation: Installation, process: ServerProcess, command: Command) {
    this.port = port
    this.origin = installation.origin
    this.installation = installation
    this.process = process
    this.command = command
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`
  }

  /** Runs one command, with options as redis-cli has them before it; answers what redis-cli prints. */
  async cli(...args: string[]): Promise<string> {
    const plain = plainCommand(args)
    if (plain !== null) return redisCommand(this.port, plain.database, plain.command)
    const surroundings = { name: `bingo-cli-${process.pid}`, folder: this.process.folder, port: undefined }
    const all = ['-h', this.host, '-p', String(this.port), ...args]
    return runCommand(await this.installation.command('redis-cli', all, surroundings))
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.process.kill(signal)
  }

  async restart(): Promise<void> {
    await this.process.kill('SIGTERM')
    await this.process.start(this.command, () => pings(this.host, this.port))
  }

  async stop(): Promise<void> {
    await this.process.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Starts a Redis of our own on a free port; errors as startMysqlServer. */
export function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  return findInstallation(WANTED, { onProgress: options.onProgress }, async (installation) => {
    const server = await ServerProcess.create('Redis', installation.engine)
    try {
      const port = await freePort()
      const base = ['--port', String(port), '--bind', installation.bindAddress, '--dir', server.folder]
      const quiet = ['--save', '', '--appendonly', 'no', '--protected-mode', 'no', '--enable-debug-command', 'local']
      const file = options.config === undefined ? [] : [await configFile(server.folder, options.config)]
      const args = [...file, ...base, ...quiet, ...(options.args ?? [])]
      const command = await installation.command('redis-server', args, server.surroundings(port))
      await server.start(command, () => pings('127.0.0.1', port))
      return new RedisServer(port, installation, server, command)
    } catch (error) {
      await server.stop()
      throw error
    }
  })
}

/** What needs no more of redis-cli than the number of a database, and text as it is. */
function plainCommand(args: readonly string[]): { database: string; command: readonly string[] } | null {
  const [first = '', second = '', ...others] = args
  if (first === '-n') {
    const inner = plainCommand(others)
    return inner === null ? null : { ...inner, database: second }
  }
  if (first === '--raw') return plainCommand(args.slice(1))
  return first.startsWith('-') ? null : { database: '0', command: args }
}

async function configFile(folder: string, text: string): Promise<string> {
  const path = join(folder, 'redis.conf')
  await writeFile(path, text)
  return path
}

/** Whether something on the port answers PING as a Redis that is ready does (an error counts: a password may be set). */
export function pings(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1000, () => end(false))
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (data) => end(/^\+PONG|^-(NOAUTH|DENIED)/.test(data.toString())))
    socket.once('error', () => end(false))
  })
}
