import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BingoError } from '../../model/errors.ts'
import { distributionSource, readAptSources } from './apt-sources.ts'
import { ensureCached } from './cache.ts'
import { findOnPath, runCommand } from './command.ts'
import type { Progress } from './progress.ts'

/** A set of Debian packages that is unpacked together with everything it depends on, the C library included. */
export interface PackageSet {
  /** For people: "MySQL". */
  readonly title: string
  /** Name of its folder in the cache. */
  readonly name: string
  /** Codename of a release ("bookworm", "sid"), or 'own' for the release that this machine runs. */
  readonly suite: string
  /** As apt takes them; `mariadb-server-core=1:11.8*` asks for a version. */
  readonly packages: readonly string[]
  /** Debian's name of another architecture than the machine's own, for 32-bit programs: "i386". */
  readonly architecture?: string
}

export interface UnpackedPackages {
  /** Folder that stands for `/`. */
  readonly root: string
  readonly suite: string
  /** Versions of the packages that were asked for: `mysql-server-core 9.7.4-2`. */
  readonly versions: readonly string[]
}

/** sid changes several times a day; an older index names files that the mirror has removed. */
const INDEX_MAX_AGE_MS = 3_600_000
const DEBIAN_KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
]
/** Read by people or at build time only; a third of what the packages bring. */
const NOT_NEEDED = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/perl', 'usr/include']
const UNPACKERS = 2

/**
 * Downloads and unpacks packages with apt's own resolver, but with a private state: the machine's packages are neither
 * read nor changed, and no root is needed. The second time the folder is simply there.
 * @throws BingoError BINGO_PACKAGES_UNAVAILABLE where there is no apt, no mirror, or the packages cannot be resolved.
 */
export async function unpackDebianPackages(
  set: PackageSet,
  cacheFolder: string,
  onProgress: Progress,
): Promise<UnpackedPackages> {
  const folder = await ensureCached(cacheFolder, set.name, (partial) =>
    fetchInto(partial, set, cacheFolder, onProgress),
  )
  const manifest = await readFile(join(folder, 'packages.json'), 'utf8')
  return { root: join(folder, 'root'), ...(JSON.parse(manifest) as { suite: string; versions: string[] }) }
}

async function fetchInto(folder: string, set: PackageSet, cacheFolder: string, onProgress: Progress): Promise<void> {
  for (const tool of ['apt-get', 'dpkg-deb']) {
    if ((await findOnPath(tool)) === undefined) throw unavailable(`${tool} is not installed`)
  }
  const source = await sourceLine(set.suite)
  const index = await ensureCached(
    cacheFolder,
    `index-${source.suite}${set.architecture === undefined ? '' : `-${set.architecture}`}`,
    (partial) => fetchIndex(partial, source, set.architecture, onProgress),
    { maxAgeMs: INDEX_MAX_AGE_MS },
  )
  const archives = join(folder, 'archives')
  await mkdir(join(archives, 'partial'), { recursive: true })
  const apt = ['apt-get', ...aptOptions(index, folder, set.architecture), '-y', '-d']
  const plan = await run([...apt, '--print-uris', 'install', ...set.packages])
  const sizes = [...plan.matchAll(/^'\S+' \S+ (\d+)/gm)].map((match) => Number(match[1]))
  const megabytes = Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / 1e6)
  onProgress(`downloading ${set.title} from Debian ${source.suite} (${sizes.length} packages, ${megabytes} MB) …`)
  await run([...apt, 'install', ...set.packages])
  await unpackAll(archives, join(folder, 'root'))
  const wanted = set.packages.map((name) => name.replace(/=.*/, ''))
  const versions = (await readdir(archives))
    .map((file) => file.split('_'))
    .filter(([name]) => wanted.includes(name ?? ''))
    .map(([name, version]) => `${name} ${decodeURIComponent(version ?? '')}`)
  await rm(archives, { recursive: true })
  await writeFile(join(folder, 'packages.json'), JSON.stringify({ suite: source.suite, versions }))
  onProgress(`unpacked ${versions.join(', ')}`)
}

async function fetchIndex(
  folder: string,
  source: SourceLine,
  architecture: string | undefined,
  onProgress: Progress,
): Promise<void> {
  onProgress(`reading the package index of Debian ${source.suite} …`)
  await mkdir(join(folder, 'lists', 'partial'), { recursive: true })
  await writeFile(join(folder, 'status'), '')
  await writeFile(join(folder, 'sources.list'), `${source.line}\n`)
  await run(['apt-get', ...aptOptions(folder, folder, architecture), '-o', 'APT::Update::Error-Mode=any', 'update'])
}

/** An empty status file makes apt believe that nothing is installed, so it brings the whole closure of dependencies. */
function aptOptions(index: string, folder: string, architecture: string | undefined): string[] {
  const options = {
    ...(architecture === undefined ? {} : { 'APT::Architecture': architecture, 'APT::Architectures': architecture }),
    'Dir::Etc::SourceList': join(index, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': join(index, 'lists'),
    'Dir::State::status': join(index, 'status'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': join(folder, 'archives'),
    'APT::Sandbox::User': '',
    'APT::Install-Recommends': '0',
    'APT::Get::List-Cleanup': '0',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::Retries': '3',
    'Debug::NoLocking': '1',
  }
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

interface SourceLine {
  readonly suite: string
  readonly line: string
}

/** The line of sources.list for a suite, at the mirror that this machine already uses. */
async function sourceLine(suite: string): Promise<SourceLine> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const codename = /^VERSION_CODENAME=["']?([\w-]+)/m.exec(release)?.[1]
  if (codename === undefined) throw unavailable('this is not a Debian system (no VERSION_CODENAME in /etc/os-release)')
  const source = distributionSource(await readAptSources(), codename)
  const uri = source?.uris[0]
  if (source === undefined || uri === undefined) throw unavailable(`the apt sources have no mirror of ${codename}`)
  const wanted = suite === 'own' ? codename : suite
  const debian = /^ID=["']?debian/m.test(release)
  if (wanted !== codename && !debian)
    throw unavailable(`the mirror of this machine is not a Debian mirror (${suite} is)`)
  const keyring = debian ? await firstThatExists(DEBIAN_KEYRINGS) : undefined
  const signedBy = keyring ?? source.signedBy
  const options = [...(signedBy ? [`signed-by=${signedBy}`] : []), ...(source.trusted ? ['trusted=yes'] : [])]
  const components = debian ? ['main'] : source.components
  return {
    suite: wanted,
    line: `deb ${options.length > 0 ? `[${options.join(' ')}] ` : ''}${uri} ${wanted} ${components.join(' ')}`,
  }
}

async function firstThatExists(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const exists = await access(path).then(
      () => true,
      () => false,
    )
    if (exists) return path
  }
  return undefined
}

async function unpackAll(archives: string, root: string): Promise<void> {
  await mkdir(root)
  const files = (await readdir(archives)).filter((file) => file.endsWith('.deb'))
  const unpackNext = async (): Promise<void> => {
    for (let file = files.pop(); file !== undefined; file = files.pop()) {
      await run(['dpkg-deb', '-x', join(archives, file), root])
    }
  }
  await Promise.all(Array.from({ length: UNPACKERS }, unpackNext))
  for (const folder of NOT_NEEDED) await rm(join(root, folder), { recursive: true, force: true })
}

async function run([command = '', ...args]: readonly string[]): Promise<string> {
  try {
    return await runCommand({ command, args, env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' } })
  } catch (cause) {
    throw unavailable(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function unavailable(reason: string, cause?: unknown): BingoError {
  return new BingoError('BINGO_PACKAGES_UNAVAILABLE', reason, { cause, retryable: true })
}
