import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CheckpointStore } from '../../../../src/model/state/checkpoint.ts'
import { systemClock } from '../../../../src/model/clock.ts'
import { openCheckpointStore } from '../../../../src/state/open.ts'
import { Claim } from '../../../../src/state/sqlite/claim.ts'
import { storedCheckpoint as checkpoint } from '../../../support/checkpoints.ts'
import { silentLog } from '../../../support/jobs.ts'

describe('a checkpoint in a state file', () => {
  let folder: string
  let path: string
  const opened: CheckpointStore[] = []
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bingo-checkpoint-'))
    path = join(folder, 'deep', 'checkpoint')
  })
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
    rmSync(folder, { recursive: true })
  })

  async function open(options = {}, at = path): Promise<CheckpointStore> {
    const settings = { name: 'bingo', checkpoint: `file:${at}`, deadLetters: undefined, log: silentLog }
    const store = await openCheckpointStore(settings, options)
    opened.push(store)
    return store
  }

  /** Writes to the file as no BinGo would. */
  function meddle(sql: string): void {
    const database = new DatabaseSync(path)
    database.exec(sql)
    database.close()
  }

  it('answers null before the first save and makes the folder', async () => {
    expect(await (await open()).load()).toBeNull()
    expect(await (await open({ readOnly: true }, `${path}-nowhere`)).load()).toBeNull()
    expect(readdirSync(join(folder, 'deep'))).not.toContain('checkpoint-nowhere')
  })

  it('returns the newest save and leaves no other file behind', async () => {
    const store = await open()
    await store.load()
    await store.save(checkpoint)
    await store.save({ ...checkpoint, epoch: 6 })
    await store.close()
    const again = await open()
    expect(await again.load()).toEqual({ ...checkpoint, epoch: 6 })
    await again.close()
    expect(readdirSync(join(folder, 'deep'))).toEqual(['checkpoint'])
  })

  it('names the file after the instance when the path is a folder', async () => {
    expect((await open({ readOnly: true }, folder)).description).toBe(`file:${join(folder, 'bingo.checkpoint')}`)
  })

  it('refuses a save with a lower epoch, and accepts equal and higher ones', async () => {
    const store = await open()
    await store.save(checkpoint)
    await store.save({ ...checkpoint, savedAt: 2 })
    await store.save({ ...checkpoint, epoch: 6 })
    meddle('UPDATE state SET version = version + 1, value = replace(value, \'"epoch":6\', \'"epoch":7\')')
    await expect(store.save({ ...checkpoint, epoch: 6 })).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_FENCED' })
    await store.save({ ...checkpoint, epoch: 8 })
    expect(await store.load()).toMatchObject({ epoch: 8 })
  })

  it('refuses a second owner and names the first, but allows a reader', async () => {
    const first = await open()
    await first.save(checkpoint)
    await expect((await open()).load()).rejects.toMatchObject({
      code: 'BINGO_CHECKPOINT_LOCKED',
      message: expect.stringContaining(`process ${process.pid} on `),
    })
    expect(await (await open({ readOnly: true })).load()).toEqual(checkpoint)
  })

  it('takes over the claim of a killed process, which cannot save any more', async () => {
    const first = await open()
    await first.save(checkpoint)
    meddle(`UPDATE owner SET pid = ${spawnSync('true').pid}, started = NULL`)
    const second = await open()
    expect(await second.load()).toEqual(checkpoint)
    await expect(first.save(checkpoint)).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_FENCED' })
    await first.close()
    await second.save(checkpoint)
  })

  it('takes over the claim of a process whose id was reused', async () => {
    await (await open()).load()
    meddle(`UPDATE owner SET pid = ${process.ppid}, started = '1', nonce = 'recycled'`)
    expect(await (await open()).load()).toBeNull()
  })

  it('watches a claim of another host, and takes it over when it stays untouched', async () => {
    await (await open()).load()
    await opened.pop()!.close()
    meddle(`INSERT INTO owner VALUES (1, 1, 'another-host', NULL, 'theirs', ${Date.now() + 3_600_000})`)
    using database = new DatabaseSync(path)
    let nowMs = 0
    let touches = 0
    const touch = () => meddle(`UPDATE owner SET touched_at = touched_at + 1`)
    const clock = (most: number) => ({
      ...systemClock,
      monotonicMs: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms
        if (touches++ < most) touch()
      },
    })
    await expect(Claim.take(database, path, clock(Infinity))).rejects.toMatchObject({
      code: 'BINGO_CHECKPOINT_LOCKED',
      message: expect.stringContaining('another-host'),
    })
    const claim = await Claim.take(database, path, clock(0))
    expect(claim.held).toBe(true)
    await claim.release()
  })

  it('reports what is wrong with a value that was edited by hand, and replaces it on save', async () => {
    const store = await open()
    await store.save(checkpoint)
    meddle("UPDATE state SET value = replace(value, '1234', '1235')")
    await expect(store.load()).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_CORRUPT' })
    await store.save(checkpoint)
    expect(await store.load()).toEqual(checkpoint)
  })

  it('reports a place that cannot be written as unreachable, to be tried again', async () => {
    writeFileSync(join(folder, 'deep'), '')
    await expect((await open()).load()).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_UNREACHABLE', retryable: true })
  })

  it('refuses to save when read-only', async () => {
    await expect((await open({ readOnly: true })).save(checkpoint)).rejects.toThrow('is open read-only')
  })
})
