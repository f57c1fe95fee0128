import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { actionTypes } from '../../../src/targets/registry.ts'
import type { LoadedRules } from '../../../src/rules/files/load.ts'
import { watchRules } from '../../../src/rules/files/reload.ts'
import type { RuleWatch } from '../../../src/rules/files/reload.ts'

const rule = (id: string): string => `rules: [{id: ${id}, table: t, actions: [{type: log}]}]`
/** Hang detection, not a measure of speed. */
const HANGS_MS = 60_000
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-reload-'))
  await writeFile(join(folder, 'a.yaml'), rule('first'))
})
afterEach(() => rm(folder, { recursive: true }))

function watch(alsoFiles: () => readonly string[] = () => []): { seen: string[]; errors: unknown[]; stop: RuleWatch } {
  const seen: string[] = []
  const errors: unknown[] = []
  const stop = watchRules({
    patterns: ['*.yaml'],
    baseDir: folder,
    targets: new Map(),
    defaults: { redisUrl: undefined, allowCidrs: [] },
    actionTypes: actionTypes(),
    quietMs: 10,
    pollMs: 50,
    alsoFiles,
    onLoaded: ({ ruleSet }: LoadedRules) => void seen.push(ruleSet.rules.map(({ id }) => id).join()),
    onError: (error) => void errors.push(error),
  })
  return { seen, errors, stop }
}

test(
  'Changed rules are loaded: written over, replaced by renaming, added, removed',
  { timeout: HANGS_MS },
  async () => {
    const { seen, stop } = watch()
    using _stop = stop
    await stop.ready
    const until = (ids: string): Promise<void> => vi.waitFor(() => expect(seen.at(-1)).toBe(ids), { timeout: HANGS_MS })
    await writeFile(join(folder, 'a.yaml'), rule('second'))
    await until('second')
    await writeFile(join(folder, 'new'), rule('third'))
    await rename(join(folder, 'new'), join(folder, 'a.yaml'))
    await until('third')
    await writeFile(join(folder, 'b.yaml'), rule('more'))
    await until('third,more')
    await rm(join(folder, 'a.yaml'))
    await until('more')
  },
)

test('Invalid rules are reported once and change nothing; fixed ones are loaded', { timeout: HANGS_MS }, async () => {
  const { seen, errors, stop } = watch()
  using _stop = stop
  await stop.ready
  await writeFile(join(folder, 'a.yaml'), 'rules: [{id: half')
  await vi.waitFor(() => expect(errors).toHaveLength(1), { timeout: HANGS_MS })
  expect(errors[0]).toMatchObject({ code: 'BINGO_INVALID_INPUT' })
  await writeFile(join(folder, 'a.yaml'), rule('mended'))
  await vi.waitFor(() => expect(seen).toEqual(['mended']), { timeout: HANGS_MS })
  expect(errors).toHaveLength(1)
})

test('A changed schema of events is a change of the rules', { timeout: HANGS_MS }, async () => {
  const schema = join(folder, 'schema.json')
  await writeFile(schema, '{"type": "object"}')
  const { seen, errors, stop } = watch(() => [schema])
  using _stop = stop
  await stop.ready
  await writeFile(schema, '{"type": "string"}')
  await vi.waitFor(() => expect(seen).toEqual(['first']), { timeout: HANGS_MS })
  expect(errors).toEqual([])
})

test(
  'A database that is written beside a named rules file does not keep its changes from being seen',
  { timeout: HANGS_MS },
  async () => {
    const seen: string[] = []
    using stop = watchRules({
      patterns: ['a.yaml'],
      baseDir: folder,
      targets: new Map(),
      defaults: { redisUrl: undefined, allowCidrs: [] },
      actionTypes: actionTypes(),
      quietMs: 100,
      // Only the watch can see the change in time.
      pollMs: HANGS_MS * 10,
      onLoaded: ({ ruleSet }: LoadedRules) => void seen.push(ruleSet.rules.map(({ id }) => id).join()),
      onError: (error) => void seen.push(String(error)),
    })
    await stop.ready
    const writing = setInterval(() => void writeFile(join(folder, 'events-wal'), String(Math.random())), 10)
    try {
      await writeFile(join(folder, 'a.yaml'), rule('second'))
      await vi.waitFor(() => expect(seen).toEqual(['second']), { timeout: HANGS_MS })
    } finally {
      clearInterval(writing)
    }
  },
)
