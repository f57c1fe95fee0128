import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileCheckpointStore } from '../../../../src/state/checkpoint/file-store.ts'
import { storedCheckpoint as checkpoint } from '../../../support/checkpoints.ts'

describe('FileCheckpointStore', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bingo-checkpoint-'))
    path = join(folder, 'deep', 'checkpoint')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('answers null before the first save and makes the folder', async () => {
    const store = new FileCheckpointStore(path, 'bingo', false)
    expect(await store.load()).toBeNull()
    await store.close()
  })

  it('gives back the newest save and leaves no other file behind', async () => {
    const store = new FileCheckpointStore(path, 'bingo', false)
    await store.load()
    await store.save(checkpoint)
    await store.save({ ...checkpoint, epoch: 2 })
    await store.close()
    const again = new FileCheckpointStore(path, 'bingo', false)
    expect(await again.load()).toEqual({ ...checkpoint, epoch: 2 })
    await again.close()
    expect(readdirSync(join(folder, 'deep'))).toEqual(['checkpoint'])
  })

  it('names the file after the instance when the path is a folder', () => {
    expect(new FileCheckpointStore(folder, 'my app', true).path).toBe(join(folder, 'my_app.checkpoint'))
  })

  it('refuses a second owner, but lets a reader look', async () => {
    const first = new FileCheckpointStore(path, 'bingo', false)
    await first.save(checkpoint)
    await expect(new FileCheckpointStore(path, 'bingo', false).load()).rejects.toMatchObject({
      code: 'BINGO_CHECKPOINT_LOCKED',
    })
    expect(await new FileCheckpointStore(path, 'bingo', true).load()).toEqual(checkpoint)
    await first.close()
  })

  it('takes over the lock of a killed process', async () => {
    const first = new FileCheckpointStore(path, 'bingo', false)
    await first.save(checkpoint)
    const { pid } = spawnSync('true')
    writeFileSync(`${path}.lock`, JSON.stringify({ pid, host: hostname(), started: null, nonce: 'dead' }))
    const second = new FileCheckpointStore(path, 'bingo', false)
    expect(await second.load()).toEqual(checkpoint)
    await expect(first.save(checkpoint)).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_FENCED' })
    await first.close()
    await second.save(checkpoint)
    await second.close()
  })

  it('takes over the lock of a process whose id was given to another one', async () => {
    const store = new FileCheckpointStore(path, 'bingo', false)
    await store.load()
    await store.close()
    const holder = { pid: process.ppid, host: hostname(), started: '1', nonce: 'recycled' }
    writeFileSync(`${path}.lock`, JSON.stringify(holder))
    expect(await store.load()).toBeNull()
    await store.close()
  })

  it('says what is wrong with a damaged file', async () => {
    const store = new FileCheckpointStore(path, 'bingo', false)
    await store.save(checkpoint)
    writeFileSync(path, readFileSync(path, 'utf8').replace('1234', '1235'))
    await expect(store.load()).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_CORRUPT' })
    await store.close()
  })

  it('reports a place that cannot be written as unreachable, to be tried again', async () => {
    writeFileSync(join(folder, 'deep'), '')
    const store = new FileCheckpointStore(path, 'bingo', false)
    await expect(store.load()).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_UNREACHABLE', retryable: true })
  })
})
