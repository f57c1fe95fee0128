import { cp, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BingoError } from '../../model/errors.ts'
import { ensureCached, serversCacheFolder } from './cache.ts'
import { runCommand } from './command.ts'
import { findInstallation } from './find-installation.ts'
import type { Wanted } from './find-installation.ts'
import type { Installation } from './installation.ts'
import { dataFolderName, folderArguments, versionOf } from './mysql.ts'
import { freePort } from './ports.ts'
import { ServerProcess } from './server-process.ts'
import { commonArguments } from './sql-options.ts'
import type { SqlServerOptions } from './sql-options.ts'
import { answers, SqlServer } from './sql-server.ts'

export type MariadbVersion = '10.11' | '11.8'

/** The Debian releases that carry a version; sid moves on, trixie stays. */
const SUITES: Record<MariadbVersion, readonly string[]> = { '10.11': ['bookworm'], '11.8': ['sid', 'trixie'] }

function wanted(version: MariadbVersion): Wanted {
  return {
    title: `MariaDB ${version}`,
    program: 'mariadbd',
    accepts: (line) => line.includes(` ${version}.`),
    packages: SUITES[version].map((suite) => ({
      title: `MariaDB ${version}`,
      name: `mariadb-${version}-${suite}`,
      suite,
      packages: ['mariadb-server-core', 'mariadb-client-core'].map((name) => `${name}=1:${version}.*`),
    })),
    image: `mariadb:${version}`,
  }
}

/** Starts a MariaDB of our own on a free port with a temporary folder; errors as startMysqlServer. */
export function startMariadbServer(options: SqlServerOptions & { version?: MariadbVersion } = {}): Promise<SqlServer> {
  const { onProgress } = options
  return findInstallation(wanted(options.version ?? '10.11'), { onProgress }, (found) =>
    startMariadbFrom(found, options),
  )
}

/** As `startMariadbServer`, with programs that were found already. */
export async function startMariadbFrom(installation: Installation, options: SqlServerOptions): Promise<SqlServer> {
  const server = await ServerProcess.create('MariaDB', installation.engine)
  try {
    const port = await freePort()
    const data = join(server.folder, 'data')
    await cp(await initialisedData(installation), data, { recursive: true })
    const args = [
      ...folderArguments(installation, data),
      ...commonArguments(options),
      `--port=${port}`,
      `--bind-address=${installation.bindAddress}`,
      `--socket=${join(server.folder, 'mariadb.sock')}`,
      `--pid-file=${join(server.folder, 'mariadb.pid')}`,
      '--innodb-buffer-pool-size=64M',
      ...(options.args ?? []),
    ]
    const command = await installation.command('mariadbd', args, server.surroundings(port))
    await server.start(command, () => answers('127.0.0.1', port, 'root', ''))
    const version = await versionOf(port)
    const facts = { flavour: 'mariadb', host: '127.0.0.1', port, user: 'root', password: '', version } as const
    return new SqlServer({ ...facts, origin: installation.origin }, server, command)
  } catch (error) {
    await server.stop()
    throw error
  }
}

const BOOTSTRAP_FILES = [
  'mysql_system_tables.sql',
  'mysql_performance_tables.sql',
  'mysql_system_tables_data.sql',
  'maria_add_gis_sp_bootstrap.sql',
]

/** What mariadb-install-db does, without its shell: the system tables from the share folder, root without a password. */
function initialisedData(installation: Installation): Promise<string> {
  return ensureCached(serversCacheFolder(), dataFolderName('mariadb', installation.origin), async (folder) => {
    const data = join(folder, 'data')
    await mkdir(join(data, 'mysql'), { recursive: true })
    const share = join(installation.root ?? '/', 'usr/share')
    const sql = await Promise.all(BOOTSTRAP_FILES.map((file) => readShared(share, file)))
    const head =
      'CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\nSET @skip_auth_anonymous=1;\n'
    const args = [...folderArguments(installation, data), '--bootstrap', '--skip-networking', '--max-allowed-packet=8M']
    const surroundings = { name: `bingo-init-${process.pid}`, folder, port: undefined }
    await runCommand(await installation.command('mariadbd', args, surroundings), { stdin: head + sql.join('\n') })
  }).then((folder) => join(folder, 'data'))
}

async function readShared(share: string, file: string): Promise<string> {
  // 11.x renamed both the folder and the files.
  for (const path of [
    join('mysql', file),
    join('mariadb', file),
    join('mariadb', file.replace(/^mysql/, 'mariadb')),
    join('mysql', file.replace(/^mysql/, 'mariadb')),
  ]) {
    const text = await readFile(join(share, path), 'utf8').catch(() => null)
    if (text !== null) return text
  }
  throw new BingoError('BINGO_PACKAGES_UNAVAILABLE', `${share} does not contain ${file}`)
}
