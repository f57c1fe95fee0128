import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureCached, serversCacheFolder } from './cache.ts'
import type { Command } from './command.ts'
import { runCommand } from './command.ts'
import { findInstallation } from './find-installation.ts'
import type { Wanted } from './find-installation.ts'
import { atLeast } from './installation.ts'
import type { Installation } from './installation.ts'
import { freePort } from './ports.ts'
import { ServerProcess } from './server-process.ts'
import { commonArguments, lowerCaseArguments } from './sql-options.ts'
import type { SqlServerOptions } from './sql-options.ts'
import { answers, connectTo, SqlServer } from './sql-server.ts'

const WANTED: Wanted = {
  title: 'MySQL',
  program: 'mysqld',
  accepts: (line) => !/mariadb/i.test(line) && atLeast(line, 8, 0),
  packages: [{ title: 'MySQL', name: 'mysql-sid', suite: 'sid', packages: ['mysql-server-core', 'mysql-client-core'] }],
  image: 'mysql:8.4',
}

/**
 * Starts a MySQL of our own on a free port with a temporary folder.
 * @throws BingoError BINGO_SERVER_UNAVAILABLE, BINGO_SERVER_START_FAILED.
 */
export function startMysqlServer(options: SqlServerOptions = {}): Promise<SqlServer> {
  return findInstallation(WANTED, { onProgress: options.onProgress }, (installation) =>
    startMysqlFrom(installation, options),
  )
}

/** Command line of a client program of the same installation (`mysqlbinlog`, `mysql`). */
export function mysqlTool(program: string, args: readonly string[], folder = '/tmp'): Promise<Command> {
  return findInstallation(WANTED, {}, (installation) =>
    installation.command(program, args, { name: `bingo-tool-${process.pid}`, folder, port: undefined }),
  )
}

/** As `startMysqlServer`, with programs that were found already. */
export async function startMysqlFrom(installation: Installation, options: SqlServerOptions): Promise<SqlServer> {
  const server = await ServerProcess.create('MySQL', installation.engine)
  try {
    const port = await freePort()
    const data = join(server.folder, 'data')
    await cp(await initialisedData(installation, lowerCaseArguments(options)), data, { recursive: true })
    const args = [
      ...folderArguments(installation, data),
      '--secure-file-priv=NULL',
      ...commonArguments(options),
      `--gtid-mode=${options.gtid === false ? 'OFF' : 'ON'}`,
      `--enforce-gtid-consistency=${options.gtid === false ? 'OFF' : 'ON'}`,
      `--port=${port}`,
      `--bind-address=${installation.bindAddress}`,
      `--socket=${join(server.folder, 'mysql.sock')}`,
      `--pid-file=${join(server.folder, 'mysql.pid')}`,
      '--loose-mysqlx=OFF',
      '--innodb-buffer-pool-size=64M',
      ...(options.tls === false ? ['--tls-version='] : []),
      ...(options.args ?? []),
    ]
    const command = await installation.command('mysqld', args, server.surroundings(port))
    await server.start(command, () => answers('127.0.0.1', port, 'root', ''))
    const version = await versionOf(port)
    const facts = { flavour: 'mysql', host: '127.0.0.1', port, user: 'root', password: '', version } as const
    return new SqlServer({ ...facts, origin: installation.origin }, server, command)
  } catch (error) {
    await server.stop()
    throw error
  }
}

export async function versionOf(port: number): Promise<string> {
  const connection = await connectTo('127.0.0.1', port, 'root', '')
  const [rows] = await connection.query('SELECT VERSION() AS version')
  await connection.end()
  return (rows as { version: string }[])[0]!.version
}

/** Name of the folder in the cache that keeps the fresh data of an installation. */
export function dataFolderName(flavour: 'mysql' | 'mariadb', origin: string): string {
  return `data-${flavour}-${origin.replaceAll(/[^\w.-]+/g, '_')}`
}

/** A data folder as a first start leaves it: made once, copied for each server. Its own server UUID is left out. */
function initialisedData(installation: Installation, more: readonly string[]): Promise<string> {
  const name = dataFolderName('mysql', [installation.origin, ...more].join(''))
  return ensureCached(serversCacheFolder(), name, async (folder) => {
    const data = join(folder, 'data')
    const args = [...folderArguments(installation, data), '--secure-file-priv=NULL', '--initialize-insecure', ...more]
    const surroundings = { name: `bingo-init-${process.pid}`, folder, port: undefined }
    await runCommand(await installation.command('mysqld', args, surroundings))
    await rm(join(data, 'auto.cnf'), { force: true })
  }).then((folder) => join(folder, 'data'))
}

/** Where the programs find their own files and their data; both flavours take the same options. */
export function folderArguments({ root, engine }: Installation, data: string): string[] {
  const asRoot = process.getuid?.() === 0 && engine === undefined ? ['--user=root'] : []
  const folders =
    root === undefined
      ? []
      : [
          `--basedir=${join(root, 'usr')}`,
          `--lc-messages-dir=${join(root, 'usr/share/mysql')}`,
          `--character-sets-dir=${join(root, 'usr/share/mysql/charsets')}`,
          `--plugin-dir=${join(root, 'usr/lib/mysql/plugin')}`,
        ]
  return ['--no-defaults', ...asRoot, ...folders, `--datadir=${data}`]
}
