import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requireWritableStores } from '../../../../src/cli/daemon/writable-store.ts'
import { loadConfig } from '../../../../src/app/config/load.ts'

/** nobody, who owns nothing of this. */
const NOBODY = 65_534

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bingo-writable-'))
  for (const name of ['state', 'events']) writeFileSync(join(folder, name), '', { mode: 0o000 })
  mkdirSync(join(folder, 'closed'), { mode: 0o000 })
  mkdirSync(join(folder, 'open'))
  chmodSync(join(folder, 'open'), 0o777)
  writeFileSync(join(folder, 'open', 'bingo.events-wal'), '', { mode: 0o000 })
  mkdirSync(join(folder, 'kept'), { mode: 0o555 })
  chmodSync(folder, 0o777)
})
afterAll(() => {
  for (const each of ['closed', 'kept']) chmodSync(join(folder, each), 0o755)
  rmSync(folder, { recursive: true })
})

/** What a configuration and the look at its files say, to a user without rights; null: nothing. */
function refusal(env: Readonly<Record<string, string>>): string | null {
  const asNobody = process.getuid!() === 0
  if (asNobody) process.seteuid!(NOBODY)
  try {
    const options = {
      env: { BINGO_SOURCE_URL: 'mysql://u:p@db', ...env },
      cwd: folder,
      file: undefined,
      sourceRequired: true as const,
    }
    requireWritableStores(loadConfig(options).config)
    return null
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return `${code} ${message.replaceAll(folder, '').replaceAll(/x{9,}/g, 'x…')}`
  } finally {
    if (asNobody) process.seteuid!(0)
  }
}

const checkpoint = (path: string): string | null => refusal({ BINGO_CHECKPOINT_STORE: `file:${folder}/${path}` })

test('a checkpoint that this user cannot write is refused at once', () => {
  expect(checkpoint('state')).toBe('BINGO_CHECKPOINT_NOT_WRITABLE cannot write the checkpoint to /state (EACCES)')
  // `access` asks for the user that the process began as: as root the folder passes, and its file does not.
  expect(checkpoint('closed/state')).toMatch(
    /^BINGO_CHECKPOINT_NOT_WRITABLE cannot write the checkpoint to \/closed(\/state)? \(EACCES\)$/,
  )
  expect(checkpoint('kept/new/state')).toBe(
    'BINGO_CHECKPOINT_NOT_WRITABLE cannot write the checkpoint to /kept/new (EACCES)',
  )
  expect(checkpoint('open/')).toBeNull()
  expect(checkpoint('open/new/state')).toBeNull()
})

test('a name that is too long, and a folder below a file, are refused like that', () => {
  expect(checkpoint(`open/${'x'.repeat(5_000)}`)).toBe(
    'BINGO_CHECKPOINT_NOT_WRITABLE cannot write the checkpoint to /open/x… (ENAMETOOLONG)',
  )
  expect(checkpoint('state/x')).toMatch(/^BINGO_CHECKPOINT_NOT_WRITABLE cannot write the checkpoint to \/state \(/)
})

test('so are the files of other stores, and what SQLite keeps beside them', () => {
  const events = (path: string): string | null =>
    refusal({
      BINGO_CHECKPOINT_STORE: 'memory:',
      BINGO_EVENTS_ENVIRONMENTS: 'default',
      BINGO_EVENTS_STORE: `file:${folder}/${path}`,
    })
  expect(events('events')).toBe('BINGO_FILE_NOT_WRITABLE cannot write posted events to /events (EACCES)')
  expect(events('open/')).toBe('BINGO_FILE_NOT_WRITABLE cannot write posted events to /open/bingo.events-wal (EACCES)')
  expect(events('open/other')).toBeNull()
})
