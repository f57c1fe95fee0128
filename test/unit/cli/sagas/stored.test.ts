import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { runCli } from '../../../../src/cli/program.ts'
import { silentLog } from '../../../../src/model/silent-log.ts'
import { openSagaStore } from '../../../../src/state/open.ts'
import { add, sagaInstance } from '../../../support/sagas/store-contract.ts'

let folder: string
let printed: string
let said: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-sagas-stored-'))
  vi.stubEnv('BINGO_HTTP_LISTEN', 'off')
  vi.stubEnv('BINGO_CHECKPOINT_STORE', `file:${folder}`)
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => (printed += String(chunk)) !== '')
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => (said += String(chunk)) !== '')
  return () => rm(folder, { recursive: true, force: true })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

async function bingo(...args: string[]): Promise<number> {
  printed = said = ''
  return runCli(['node', 'bingo', 'sagas', ...args])
}

async function store(url?: string): Promise<void> {
  const settings = { name: 'bingo', checkpoint: `file:${folder}`, deadLetters: undefined, log: silentLog }
  const opened = await openSagaStore(settings, url)
  await add(opened, sagaInstance('o-1'), sagaInstance('o-2', { status: 'completed', endedAt: 5 }), sagaInstance('p-1'))
  await opened.close()
}

test('Without a daemon, instances are listed and shown as they stand in the store, and that is said', async () => {
  await store()
  expect(await bingo('list', '--key', 'o-')).toBe(0)
  expect(printed.match(/o-\d/g)?.toSorted()).toEqual(['o-1', 'o-2'])
  expect(said).toContain(`the daemon does not answer at http.listen (http.listen is off); read from file:${folder}`)
  expect(await bingo('list', '--status', 'completed', '--json')).toBe(0)
  expect(JSON.parse(printed)).toMatchObject({ sagas: [{ key: 'o-2', status: 'completed' }], next: null })
  expect(await bingo('show', 'order', 'p-1')).toBe(0)
  expect(printed).toMatch(/^order p-1: running/)
  expect(await bingo('show', 'order', 'p-2')).toBe(1)
  expect(said).toContain('BINGO_SAGA_UNKNOWN')
})

test('A store of their own is read where sagas.store names one, and more than a page of it', async () => {
  vi.stubEnv('BINGO_SAGAS_STORE', `file:${folder}/own/`)
  await store(`file:${folder}/own/`)
  expect(await bingo('list', '--limit', '2')).toBe(0)
  expect(printed.trimEnd().split('\n')).toHaveLength(3)
  expect(said).toContain('/own/')
})

test('What changes an instance needs the daemon, and what is in the memory of a daemon cannot be read', async () => {
  await store()
  expect(await bingo('retry', 'order', 'o-1')).toBe(4)
  expect(said).toContain('BINGO_DAEMON_UNREACHABLE')
  vi.stubEnv('BINGO_SAGAS_STORE', 'memory:')
  expect(await bingo('list')).toBe(4)
  expect(said).toContain('BINGO_DAEMON_UNREACHABLE')
})
