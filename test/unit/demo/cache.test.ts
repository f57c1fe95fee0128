import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { withLock } from '../../../src/demo/servers/lock.ts'

let cache = ''
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'bingo-cache-'))
})
afterEach(() => rm(cache, { recursive: true }))

const LONG_AGO = new Date(Date.now() - 3_600_000)

describe('the cache of servers', () => {
  it('builds a folder once, also when several ask for it at the same time', async () => {
    let builds = 0
    const build = async (folder: string): Promise<void> => {
      builds++
      await writeFile(join(folder, 'server'), 'binary')
    }
    const folders = await Promise.all([1, 2, 3].map(() => ensureCached(cache, 'mysql', build)))
    expect(new Set(folders).size).toBe(1)
    expect(builds).toBe(1)
    expect(await readFile(join(folders[0] ?? '', 'server'), 'utf8')).toBe('binary')
    expect(await readdir(cache)).toEqual(['mysql'])
  })

  it('leaves nothing behind when building fails, and builds again the next time', async () => {
    const failing = ensureCached(cache, 'mysql', () => Promise.reject(new Error('network is down')))
    await expect(failing).rejects.toThrow('network is down')
    expect(await readdir(cache)).toEqual([])
    await ensureCached(cache, 'mysql', (folder) => writeFile(join(folder, 'server'), 'binary'))
    expect(await readdir(join(cache, 'mysql'))).toEqual(['server'])
  })

  it('does not take what a killed process left half-built for the whole', async () => {
    await mkdir(join(cache, 'mysql.partial-killed'))
    let built = false
    await ensureCached(cache, 'mysql', async () => void (built = true))
    expect(built).toBe(true)
  })

  it('builds again what is older than the caller accepts', async () => {
    const folder = await ensureCached(cache, 'index', (partial) => writeFile(join(partial, 'old'), ''))
    await utimes(folder, LONG_AGO, LONG_AGO)
    await ensureCached(cache, 'index', (partial) => writeFile(join(partial, 'new'), ''), { maxAgeMs: 60_000 })
    expect(await readdir(folder)).toEqual(['new'])
  })

  it('is in BINGO_SERVERS_CACHE, else in the cache folder of the user', () => {
    expect(serversCacheFolder({ BINGO_SERVERS_CACHE: '/srv/cache' })).toBe('/srv/cache')
    expect(serversCacheFolder({ XDG_CACHE_HOME: '/home/a/caches' })).toBe('/home/a/caches/bingo-servers')
    expect(serversCacheFolder({})).toMatch(/\/\.cache\/bingo-servers$/)
  })
})

describe('the lock', () => {
  it('lets one holder in at a time', async () => {
    let inside = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside)
      await Promise.resolve()
      inside--
    }
    await Promise.all([1, 2, 3, 4].map(() => withLock(join(cache, 'lock'), work)))
    expect(most).toBe(1)
    expect(await readdir(cache)).toEqual([])
  })

  it('is released when the work fails', async () => {
    const lock = join(cache, 'lock')
    await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await withLock(lock, () => Promise.resolve('mine'))).toBe('mine')
  })

  it('is taken over from a holder that no longer touches it', async () => {
    const lock = join(cache, 'lock')
    await mkdir(lock)
    await utimes(lock, LONG_AGO, LONG_AGO)
    expect(await withLock(lock, () => Promise.resolve('mine'))).toBe('mine')
  })
})
