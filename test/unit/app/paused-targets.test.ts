import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { PausedTargets } from '../../../src/app/paused-targets.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { StateStore } from '../../../src/model/state/state.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import { openInstanceState } from '../../../src/state/open.ts'
import { silentLog } from '../../support/jobs.ts'
import { recordingLog, type LogLine } from '../../support/recording-source.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-paused-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function paused(state: StateStore, lines: LogLine[] = []): Promise<PausedTargets> {
  const targets = new PausedTargets({ name: 'shop', state, clock: { now: () => 5_000 }, log: recordingLog(lines) })
  await targets.load()
  return targets
}

/** Each call opens the same place, as the next start does. */
describe.each<readonly [string, () => () => Promise<StateStore>]>([
  [
    'memory',
    () => {
      const state = new MemoryStateStore()
      return () => Promise.resolve(state)
    },
  ],
  [
    'a state file',
    () => async () => {
      const checkpoint = `file:${join(folder, 'state')}`
      return (await openInstanceState({ name: 'shop', checkpoint, deadLetters: undefined, log: silentLog })).state
    },
  ],
])('targets that are paused, in %s', (_place, newPlace) => {
  test('stay so over restarts until they are resumed', async () => {
    const open = newPlace()
    const first = await open()
    const targets = await paused(first)
    expect(targets.since('crm')).toBe(0)
    await targets.set('crm', true, 'ops')
    await targets.set('constructor', true, 'ops')
    await first.close()
    const second = await open()
    const lines: LogLine[] = []
    const again = await paused(second, lines)
    expect([again.since('crm'), again.since('constructor'), again.since('toString')]).toEqual([5_000, 5_000, 0])
    expect(lines[0]!.fields).toMatchObject({ code: 'BINGO_TARGET_PAUSED', targets: ['crm', 'constructor'] })
    await again.set('crm', false, 'ops')
    await second.close()
    const third = await open()
    expect((await paused(third)).since('crm')).toBe(0)
    await third.close()
  })
})

test('the log says who paused and resumed, once, and changes that come at once are done one after the other', async () => {
  const lines: LogLine[] = []
  const targets = await paused(new MemoryStateStore(), lines)
  await Promise.all([targets.set('crm', true, 'a'), targets.set('crm', true, 'b'), targets.set('crm', false, 'c')])
  expect(targets.since('crm')).toBe(0)
  expect(lines.map(({ fields }) => fields)).toMatchObject([
    { code: 'BINGO_TARGET_PAUSED', target: 'crm', by: 'a' },
    { code: 'BINGO_TARGET_RESUMED', target: 'crm', by: 'c' },
  ])
})

test('what cannot be stored has not happened', async () => {
  const state = new MemoryStateStore()
  const targets = await paused(state)
  state.save = () => Promise.reject(new BingoError('BINGO_CHECKPOINT_UNREACHABLE', 'away', { retryable: true }))
  await expect(targets.set('crm', true, 'ops')).rejects.toThrow('away')
  expect(targets.since('crm')).toBe(0)
})

test('another instance that has changed them meanwhile is not overwritten', async () => {
  const state = new MemoryStateStore()
  const [former, latter] = [await paused(state), await paused(state)]
  await latter.set('crm', true, 'ops')
  await expect(former.set('mail', true, 'ops')).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_FENCED' })
})

test.each(['', '{"paused":7}', '{"paused":{"crm":true}}', '{}'])('%j is reported, not taken for none', async (text) => {
  const state = new MemoryStateStore()
  await state.save('targets/shop', text, null)
  await expect(paused(state)).rejects.toMatchObject({ code: 'BINGO_STATE_CORRUPT' })
})
