import { BingoError } from '../../model/errors.ts'
import { serversCacheFolder } from './cache.ts'
import { findOnPath, runCommand } from './command.ts'
import { unpackDebianPackages, type PackageSet } from './debian-packages.ts'
import { containerInstallation, installedOnPath, unpackedInstallation, type Installation } from './installation.ts'
import { progressOnStderr, type Progress } from './progress.ts'

/** Everything that may be found when a server is looked for, in the order in which it is tried. */
export interface Wanted {
  /** For people: "MySQL". */
  readonly title: string
  /** Program that is looked for on the path, and whether what it prints for `--version` is a version that was tested. */
  readonly program: string
  readonly accepts: (versionLine: string) => boolean
  /** Tried one after the other. */
  readonly packages: readonly PackageSet[]
  /** Container image; undefined where no public one fits. */
  readonly image: string | undefined
}

export interface FindOptions {
  /** Default: {@link serversCacheFolder}. */
  readonly cacheFolder?: string | undefined
  /** Told what is being fetched. Default: lines on stderr. */
  readonly onProgress?: Progress | undefined
}

/**
 * Finds the programs of a server: on the path, as Debian packages in the cache folder, as a container image.
 * `prepare` is run with each find; when it fails, the next place is tried (an installed server may refuse our folders).
 * @throws BingoError BINGO_SERVER_UNAVAILABLE that lists everything that was tried.
 */
export async function findInstallation<T>(
  wanted: Wanted,
  options: FindOptions,
  prepare: (installation: Installation) => Promise<T>,
): Promise<T> {
  const onProgress = options.onProgress ?? progressOnStderr
  const cacheFolder = options.cacheFolder ?? serversCacheFolder()
  const tried: string[] = []
  const places: (() => Promise<Installation>)[] = [
    () => onPath(wanted, onProgress),
    ...wanted.packages.map((set) => async () => {
      return unpackedInstallation(await unpackDebianPackages(set, cacheFolder, onProgress))
    }),
    () => inContainer(wanted, onProgress),
  ]
  const names = ['on the path', ...wanted.packages.map((set) => `packages of Debian ${set.suite}`), 'Docker']
  for (const [index, place] of places.entries()) {
    try {
      return await prepare(await place())
    } catch (error) {
      tried.push(`${names[index]}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new BingoError(
    'BINGO_SERVER_UNAVAILABLE',
    `${wanted.title} was not found and could not be downloaded.\n${tried.join('\n')}`,
    {
      hint: `Install ${wanted.title} (its program ${wanted.program} on the path), or start Docker.`,
      retryable: true,
    },
  )
}

async function onPath(wanted: Wanted, onProgress: Progress): Promise<Installation> {
  const path = await findOnPath(wanted.program)
  if (path === undefined) throw new BingoError('BINGO_NOT_ON_PATH', `${wanted.program} was not found`)
  const version = await runCommand({ command: path, args: ['--version'], env: {} })
  if (!wanted.accepts(version))
    throw new BingoError('BINGO_NOT_ON_PATH', `${path} is not a tested version: ${version.trim()}`)
  onProgress(`using ${wanted.title} from ${path}: ${version.trim().split('\n')[0]}`)
  return installedOnPath(wanted.program, path)
}

async function inContainer(wanted: Wanted, onProgress: Progress): Promise<Installation> {
  const { image } = wanted
  if (image === undefined) throw new BingoError('BINGO_NO_CONTAINER', 'no image of this version exists')
  const docker = (args: readonly string[]) => runCommand({ command: 'docker', args, env: {} })
  // Asks the engine itself: the command alone is often there without a running engine.
  await docker(['version', '--format', '{{.Server.Version}}'])
  const present = await docker(['image', 'inspect', image]).catch(() => undefined)
  if (present === undefined) {
    onProgress(`downloading the image ${image} …`)
    await docker(['pull', '-q', image])
  }
  return containerInstallation('docker', image)
}
