import { readdir } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { BingoError } from '../../model/errors.ts'
import { findOnPath, type Command } from './command.ts'
import type { UnpackedPackages } from './debian-packages.ts'

/** What a container must be told from outside; a plain process ignores it. */
export interface Surroundings {
  /** Name of the container. */
  readonly name: string
  /** Mounted under the same path. */
  readonly folder: string
  readonly port: number | undefined
}

/** The programs of one server, and how they are started. */
export interface Installation {
  /** For people: "/usr/sbin/mysqld", "Debian sid packages (mysql-server-core 9.7.4-2)". */
  readonly origin: string
  /** Folder that stands for `/` where the programs do not lie in their usual place. */
  readonly root: string | undefined
  /** Address that the server has to listen on to be reached from here. */
  readonly bindAddress: string
  /** Name of the container engine's command when the server runs in a container. */
  readonly engine: string | undefined
  /** The command line for `program`: a bare name ("mysqld"), or a path below `root` where it lies in no usual folder. */
  command(program: string, args: readonly string[], surroundings: Surroundings): Promise<Command>
}

/** Whether what a program prints for `--version` names this version or a later one; false where it names none. */
export function atLeast(versionLine: string, major: number, minor: number): boolean {
  const [, ours, below] = /(?<![\d.])(\d+)\.(\d+)/.exec(versionLine) ?? []
  if (ours === undefined) return false
  return Number(ours) > major || (Number(ours) === major && Number(below) >= minor)
}

/** Programs that lie on the path. */
export function installedOnPath(program: string, path: string): Installation {
  return {
    origin: path,
    root: undefined,
    bindAddress: '127.0.0.1',
    engine: undefined,
    command: async (name, args) => ({
      command: name === program ? path : ((await findOnPath(name)) ?? name),
      args,
      env: {},
    }),
  }
}

const PROGRAM_FOLDERS = ['usr/sbin', 'usr/bin', 'sbin', 'bin']

/**
 * Programs of unpacked packages. The unpacked loader starts them with the unpacked libraries, so the machine's own C
 * library does not matter and no chroot is needed.
 */
export async function unpackedInstallation(packages: UnpackedPackages): Promise<Installation> {
  const { root } = packages
  const libraries = await libraryFolders(root)
  const loader = await findLoader(libraries)
  return {
    origin: `Debian ${packages.suite} packages (${packages.versions.join(', ')})`,
    root,
    bindAddress: '127.0.0.1',
    engine: undefined,
    command: async (name, args) => ({
      command: loader,
      // Some programs decide by the name that they are called by what they are (redis-server is a link to redis-check-rdb).
      args: ['--library-path', libraries.join(':'), '--argv0', name, await findProgram(root, name), ...args],
      env: {},
    }),
  }
}

/**
 * Programs of an archive (`root/usr/bin`, `root/usr/share`) that were built for an older system: run with the loader and
 * the libraries of unpacked packages, and those that lie in the archive's own `usr/lib`.
 */
export async function archiveInstallation(
  root: string,
  origin: string,
  packages: UnpackedPackages,
): Promise<Installation> {
  const libraries = await libraryFolders(packages.root)
  const loader = await findLoader(libraries)
  const path = [join(root, 'usr/lib'), ...libraries].join(':')
  return {
    origin,
    root,
    bindAddress: '127.0.0.1',
    engine: undefined,
    command: async (name, args) => ({
      command: loader,
      args: ['--library-path', path, '--argv0', name, await findProgram(root, name), ...args],
      env: {},
    }),
  }
}

/** `usr/lib/x86_64-linux-gnu` and its like; older releases keep the C library under `lib`. */
async function libraryFolders(root: string): Promise<string[]> {
  const folders: string[] = []
  for (const parent of [join(root, 'usr/lib'), join(root, 'lib')]) {
    for (const name of await readdir(parent).catch(() => [])) {
      if (/-linux-gnu\w*$/.test(name)) folders.push(join(parent, name))
    }
  }
  return [...folders, join(root, 'usr/lib/mysql')]
}

async function findLoader(folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    const name = (await readdir(folder).catch(() => [])).find((file) => /^ld-linux.*\.so\.\d+$/.test(file))
    if (name !== undefined) return join(folder, name)
  }
  throw new BingoError('BINGO_PACKAGES_UNAVAILABLE', `no dynamic loader in ${folders.join(', ')}`)
}

async function findProgram(root: string, name: string): Promise<string> {
  if (name.includes('/')) return join(root, name)
  for (const folder of PROGRAM_FOLDERS) {
    const files = await readdir(join(root, folder)).catch((): string[] => [])
    if (files.includes(name)) return join(root, folder, name)
  }
  throw new BingoError('BINGO_PACKAGES_UNAVAILABLE', `${root} has no program ${name}`)
}

/** Programs of a container image, run by `docker` (or a command that takes the same arguments). */
export function containerInstallation(engine: string, image: string): Installation {
  return {
    origin: `${engine} image ${image}`,
    root: undefined,
    bindAddress: '0.0.0.0',
    engine,
    command: async (name, args, { name: container, folder, port }) => {
      const { uid, gid } = userInfo()
      // The server writes into our folder: run as us, so that we can remove what it wrote.
      const options = ['run', '--rm', '-i', '--name', container, '--user', `${uid}:${gid}`, '-v', `${folder}:${folder}`]
      const publish = port === undefined ? [] : ['-p', `127.0.0.1:${port}:${port}`]
      return { command: engine, args: [...options, ...publish, '--entrypoint', name, image, ...args], env: {} }
    },
  }
}
