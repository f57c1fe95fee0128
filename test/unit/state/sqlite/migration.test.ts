import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { parseCheckpoint } from '../../../../src/state/checkpoint/record.ts'
import { openCheckpointStore, openDeadLetterStore } from '../../../../src/state/open.ts'
import { storedCheckpoint as checkpoint } from '../../../support/checkpoints.ts'
import { silentLog } from '../../../support/jobs.ts'
import { writeOldCheckpoint, writeOldLetters } from '../../../support/old-state.ts'
import { letter, listed, ROOMY } from '../dead-letters/contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-migration-'))
let places = 0
afterAll(() => rmSync(folder, { recursive: true }))

const newPath = (): string => join(folder, `${++places}`, 'checkpoint')
const settings = (path: string, deadLetters?: string) =>
  ({ name: 'bingo', checkpoint: `file:${path}`, deadLetters, log: silentLog }) as const
const LETTERS = [letter(1), letter(2, { state: 'skip' }), letter(3)]

async function loaded(path: string, readOnly = false) {
  const store = await openCheckpointStore(settings(path), { readOnly })
  try {
    return await store.load()
  } finally {
    await store.close()
  }
}

async function letters(path: string, deadLetters?: string): Promise<string[]> {
  const store = await openDeadLetterStore(settings(path, deadLetters), ROOMY)
  try {
    expect(await store.count()).toBe((await listed(store)).length)
    return await listed(store)
  } finally {
    await store.close()
  }
}

function writeOld(path: string): void {
  writeOldCheckpoint(path, checkpoint)
  writeOldLetters(`${path}.dead-letters`, LETTERS).close()
}

describe('what BinGo 0.1 left on the path of checkpoint.store', () => {
  test('is migrated to a state file, once, and kept next to it', async () => {
    const path = newPath()
    writeOld(path)
    expect(await loaded(path)).toEqual(checkpoint)
    expect(await letters(path)).toEqual(['1', '2', '3'])
    expect(readdirSync(dirname(path)).toSorted()).toEqual([
      'checkpoint',
      'checkpoint.dead-letters.migrated',
      'checkpoint.json',
    ])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const store = await openDeadLetterStore(settings(path), ROOMY)
    await store.remove([letter(1).id])
    await store.close()
    expect(await letters(path)).toEqual(['2', '3'])
  })

  test('is moved by a command as well, and read by one that only looks', async () => {
    const path = newPath()
    writeOld(path)
    expect(await loaded(path, true)).toEqual(checkpoint)
    expect(existsSync(`${path}.json`)).toBe(false)
    expect(await letters(path)).toEqual(['1', '2', '3'])
    expect(await loaded(path, true)).toEqual(checkpoint)
    expect(await loaded(path)).toEqual(checkpoint)
  })

  test('is moved where the store is a folder', async () => {
    const path = join(dirname(newPath()), 'data')
    mkdirSync(path, { recursive: true })
    writeOldCheckpoint(join(path, 'bingo.checkpoint'), checkpoint)
    writeOldLetters(join(path, '.dead-letters'), LETTERS).close()
    expect(await loaded(`${path}/`)).toEqual(checkpoint)
    expect(await letters(path)).toEqual(['1', '2', '3'])
  })

  test('is migrated even if its last process was killed and its write-ahead log is left', async () => {
    const path = newPath()
    const script = `
      const { writeOldLetters } = await import(${JSON.stringify(new URL('../../../support/old-state.ts', import.meta.url).href)})
      writeOldLetters(${JSON.stringify(`${path}.dead-letters`)}, ${JSON.stringify(LETTERS.map((each) => ({ ...each, event: { ...each.event, new: null } })))})
      process.kill(process.pid, 'SIGKILL')`
    spawnSync(process.execPath, ['--input-type=module', '-e', script])
    expect(existsSync(`${path}.dead-letters-wal`)).toBe(true)
    expect(await letters(path)).toEqual(['1', '2', '3'])
  })

  test('stays where it is when deadLetters.store names it', async () => {
    const path = newPath()
    writeOld(path)
    expect(await letters(path, `file:${path}.dead-letters`)).toEqual(['1', '2', '3'])
    const store = await openCheckpointStore(settings(path, `file:${path}.dead-letters`))
    expect(await store.load()).toEqual(checkpoint)
    await store.close()
    expect(await letters(path, `file:${path}.dead-letters`)).toEqual(['1', '2', '3'])
  })

  test('is not touched while a BinGo of that version runs', async () => {
    const path = newPath()
    writeOld(path)
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: process.pid, host: hostname(), started: null, nonce: 'old' }))
    await expect(loaded(path)).rejects.toMatchObject({
      code: 'BINGO_CHECKPOINT_LOCKED',
      message: expect.stringContaining(`process ${process.pid}`),
    })
    expect(readFileSync(path, 'utf8')).toContain('"crc"')
  })

  test.each([
    ['damaged', 'BINGO_CHECKPOINT_CORRUPT', (text: string) => text.replace('1234', '1235')],
    ['cut short', 'BINGO_CHECKPOINT_CORRUPT', (text: string) => text.slice(0, 100)],
    ['of something else', 'BINGO_CHECKPOINT_CORRUPT', () => 'root:x:0:0:root:/root:/bin/bash\n'],
  ])('is refused and left as it is when it is %s, and set aside by position set', async (_what, code, change) => {
    const path = newPath()
    writeOld(path)
    const wrong = change(readFileSync(path, 'utf8'))
    writeFileSync(path, wrong)
    await expect(loaded(path)).rejects.toMatchObject({ code })
    await expect(loaded(path, true)).rejects.toMatchObject({ code })
    expect(readFileSync(path, 'utf8')).toBe(wrong)
    const store = await openCheckpointStore(settings(path), { replace: true })
    await expect(store.load()).rejects.toMatchObject({ code })
    await store.save(checkpoint)
    await store.close()
    expect(await loaded(path)).toEqual(checkpoint)
    expect(readdirSync(dirname(path)).filter((file) => file.includes('.replaced-'))).toHaveLength(1)
    expect(await letters(path)).toEqual(['1', '2', '3'])
  })

  test('can be restored from the state file, as the rollback instructions say', async () => {
    const path = newPath()
    writeOld(path)
    const store = await openCheckpointStore(settings(path))
    await store.load()
    await store.save({ ...checkpoint, epoch: 9 })
    await store.close()
    const raw = new DatabaseSync(path)
    const { value } = raw.prepare("SELECT value FROM state WHERE key = 'checkpoint'").get() as { value: string }
    raw.close()
    expect(parseCheckpoint(value, 'bingo', path)).toEqual({ ...checkpoint, epoch: 9 })
  })
})
