import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { withLock } from './lock.ts'

/** Where downloaded servers live: $BINGO_SERVERS_CACHE, or bingo-servers in the user's cache folder. Removing it undoes everything. */
export function serversCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['BINGO_SERVERS_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bingo-servers')
}

/**
 * The folder `cacheFolder/name`, built by `build` where it does not exist yet (or is older than `maxAgeMs`).
 * `build` fills a folder of its own, which gets its name only when complete: a killed download leaves nothing that looks
 * whole, and several processes that want the same thing build it once.
 */
export async function ensureCached(
  cacheFolder: string,
  name: string,
  build: (folder: string) => Promise<void>,
  options: { maxAgeMs?: number } = {},
): Promise<string> {
  const maxAgeMs = options.maxAgeMs ?? Number.POSITIVE_INFINITY
  const folder = join(cacheFolder, name)
  if ((await ageMs(folder)) <= maxAgeMs) return folder
  await mkdir(dirname(folder), { recursive: true })
  await withLock(`${folder}.lock`, async () => {
    if ((await ageMs(folder)) <= maxAgeMs) return
    const partial = await mkdtemp(`${folder}.partial-`)
    try {
      await build(partial)
      await rm(folder, { recursive: true, force: true })
      await rename(partial, folder)
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
  })
  return folder
}

/** Milliseconds since the folder was built; NaN, which is older than any age, where there is none. */
async function ageMs(folder: string): Promise<number> {
  const info = await stat(folder).catch(() => undefined)
  return info === undefined ? Number.NaN : Math.max(0, Date.now() - info.mtimeMs)
}
