import { join } from 'node:path'
import { serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { unpackDebianPackages } from '../../../src/demo/servers/debian-packages.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'

/** The option that lets a MariaDB 10.11 of Debian load the plugins that are not in its core package: ed25519, PAM. */
export async function withAllPlugins(): Promise<readonly string[]> {
  const { root } = await unpackDebianPackages(
    {
      title: 'the plugins of MariaDB 10.11',
      name: 'mariadb-plugins-10.11-bookworm',
      suite: 'bookworm',
      packages: ['mariadb-server=1:10.11.*'],
    },
    serversCacheFolder(),
    progressOnStderr,
  )
  return [`--plugin-dir=${join(root, 'usr/lib/mysql/plugin')}`]
}
