import { chown, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { BingoError } from '../../../src/model/errors.ts'
import { findOnPath, runCommand } from '../../../src/demo/servers/command.ts'
import type { Command } from '../../../src/demo/servers/command.ts'
import { freePort } from '../../../src/demo/servers/ports.ts'
import { ServerProcess } from '../../../src/demo/servers/server-process.ts'
import { TestServer } from './test-server.ts'

/** `nobody` of Debian and others: PostgreSQL refuses to be run by root. */
const NOBODY = 65_534
const INSTALLED = '/usr/lib/postgresql'

/** After a kill it would sync each of the thousands of files that many databases have. */
const QUICK = ['-c', 'recovery_init_sync_method=syncfs']

/** For one attempt to connect: hang detection, another one follows. */
const ANSWER_TIMEOUT_MS = 10_000

/** A PostgreSQL (14 or newer) of its own; the user `postgres` needs no password. Needs `initdb` and `postgres` on this machine. */
export async function startPostgres(options: readonly string[] = []): Promise<TestServer> {
  const [initdb, postgres] = await Promise.all([program('initdb'), program('postgres')])
  const server = await ServerProcess.create('PostgreSQL')
  try {
    const data = join(server.folder, 'data')
    await mkdir(data)
    if (process.getuid!() === 0) await Promise.all([server.folder, data].map((folder) => chown(folder, NOBODY, NOBODY)))
    await runCommand(asNobody(initdb, ['-A', 'trust', '-U', 'postgres', '--no-sync', '-E', 'UTF8', '-D', data]))
    const port = await freePort()
    const settings = ['-k', server.folder, '-c', 'listen_addresses=127.0.0.1', '-p', String(port), ...QUICK, ...options]
    const command = asNobody(postgres, ['-D', data, ...settings])
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`
    const isReady = () => answers(url)
    await server.start(command, isReady)
    return new TestServer(port, url, server, command, isReady)
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** It accepts connections before it answers, and may die without a word to one that waits: the next one is told. */
async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ANSWER_TIMEOUT_MS })
  // What comes after `connect` failed has no other listener.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}

async function program(name: string): Promise<string> {
  const onPath = await findOnPath(name)
  if (onPath !== undefined) return onPath
  const newest = (await readdir(INSTALLED).catch(() => [])).toSorted((a, b) => Number(b) - Number(a))[0]
  if (newest !== undefined) return join(INSTALLED, newest, 'bin', name)
  throw new BingoError('BINGO_SERVER_UNAVAILABLE', `PostgreSQL needs ${name}, which is not installed`, {
    hint: 'Install the package postgresql.',
  })
}

function asNobody(command: string, args: readonly string[]): Command {
  if (process.getuid!() !== 0) return { command, args: [...args], env: {} }
  const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  return { command: 'setpriv', args: [...user, command, ...args], env: {} }
}
