import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { MemoryDeadLetterStore } from '../../../../src/state/dead-letters/memory-store.ts'
import { SqliteDeadLetterStore } from '../../../../src/state/dead-letters/sqlite-store.ts'
import { openDeadLetterStore } from '../../../../src/state/open.ts'
import { StateFile } from '../../../../src/state/sqlite/state-file.ts'
import type { DeadLetterStore } from '../../../../src/model/delivery/dead-letter.ts'
import { silentLog } from '../../../support/jobs.ts'
import type { StoreClock } from '../../../../src/state/dead-letters/expiry.ts'
import { describeStore, EDITED, expectNamed, letter, listed, ROOMY } from './contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-dead-letters-'))
const opened: DeadLetterStore[] = []
let files = 0

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

function keep<T extends DeadLetterStore>(store: T): T {
  opened.push(store)
  return store
}

const inFile = (path: string, limits = ROOMY, clock?: StoreClock): SqliteDeadLetterStore =>
  keep(new SqliteDeadLetterStore(new StateFile({ path, name: 'bingo', letters: true, log: silentLog }), limits, clock))
const newPath = (): string => join(folder, `${++files}`, 'letters')

describe('dead letters in memory', () => {
  describeStore(async (limits, clock) => new MemoryDeadLetterStore(limits, clock))
})

describe('dead letters in a file', () => {
  describeStore(async (limits, clock) => inFile(newPath(), limits, clock))

  test('survive a process that is killed right after add has resolved', async () => {
    const path = newPath()
    const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)
    const script = `
      const { SqliteDeadLetterStore } = await import(${module('../../../../src/state/dead-letters/sqlite-store.ts')})
      const { StateFile } = await import(${module('../../../../src/state/sqlite/state-file.ts')})
      const log = { info() {}, warn() {}, error() {}, debug() {}, child: () => log }
      const file = new StateFile({ path: ${JSON.stringify(path)}, name: 'bingo', letters: true, log })
      const store = new SqliteDeadLetterStore(file, ${JSON.stringify({ ...ROOMY, maxAgeMs: 1e15 })})
      await store.add([${JSON.stringify({ ...letter(1), event: { ...letter(1).event, new: null } })}])
      process.kill(process.pid, 'SIGKILL')`
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(child.signal).toBe('SIGKILL')
    expect(await listed(inFile(path))).toEqual(['1'])
  })

  test('can be read and changed next to the daemon', async () => {
    const path = newPath()
    const daemon = inFile(path)
    const command = inFile(path)
    await daemon.add([letter(1), letter(2)])
    expect(await listed(command)).toEqual(['1', '2'])
    await command.remove([letter(1).id])
    await daemon.add([letter(3)])
    expect(await listed(daemon)).toEqual(['2', '3'])
  })

  test.each(EDITED)('name an entry that somebody has edited, and let it be dropped (%#)', async (edit, fault) => {
    const path = newPath()
    const store = inFile(path)
    await store.add([letter(1), letter(2), letter(3)])
    using database = new DatabaseSync(path)
    const { id } = letter(2)
    const { body } = database.prepare('SELECT body FROM letters WHERE id = ?').get(id) as { body: string }
    database.prepare('UPDATE letters SET body = ? WHERE id = ?').run(edit(body), id)
    await expectNamed(store, fault)
  })

  test('say which entry has the id of another one', async () => {
    const path = newPath()
    const store = inFile(path)
    await store.add([letter(1)])
    using database = new DatabaseSync(path)
    database.exec(`UPDATE letters SET body = replace(body, '#rule#0', '#rule#1')`)
    await expect(listed(store)).rejects.toMatchObject({ code: 'BINGO_DEAD_LETTER_CORRUPT' })
  })

  test('report a place that cannot be written to', async () => {
    const store = inFile('/dev/null/letters')
    await expect(store.add([letter(1)])).rejects.toThrow(
      expect.objectContaining({ code: 'BINGO_DEAD_LETTERS_UNREACHABLE', retryable: true }),
    )
  })
})

describe('the dead-letter store', () => {
  const open = (store: string | undefined, checkpointStore: string): Promise<DeadLetterStore> =>
    openDeadLetterStore({ deadLetters: store, checkpoint: checkpointStore, name: 'bingo', log: silentLog }, ROOMY)

  test('is the one of the checkpoint unless it is named', async () => {
    expect((await open(undefined, 'file:/var/lib/bingo/checkpoint')).description).toBe('/var/lib/bingo/checkpoint')
    expect((await open('file:///data/letters', 'memory:')).description).toBe('/data/letters')
    expect((await open(undefined, 'memory:')).description).toBe('memory')
    const redis = keep(await open(undefined, 'redis://:secret@127.0.0.1:1/2'))
    expect(redis.description).toBe('redis://127.0.0.1:1/2 bingo:{bingo}:dead-letters')
  })

  test('refuses an address of another kind', async () => {
    await expect(open('mongodb://x', 'memory:')).rejects.toThrow(
      expect.objectContaining({ code: 'BINGO_DEAD_LETTERS_STORE_INVALID' }),
    )
  })
})
