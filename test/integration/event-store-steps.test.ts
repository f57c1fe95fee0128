import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openEventProvider } from '../../src/log/open.ts'
import type { EventProvider } from '../../src/model/state/event-provider.ts'
import { entriesOf, ids, NOW } from '../support/events/new-event.ts'

const DIE_AT = new URL('../support/die-at.ts', import.meta.url).pathname
const SCRIPT = new URL('../support/events/one-of-each.ts', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'bingo-event-steps-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** More than there are: the last one ends by itself. */
const MOST_STEPS = 200
/** A process for each step, which takes seconds on a busy machine. */
const TIMEOUT_MS = 900_000

async function run(url: string, dieAt: number): Promise<readonly string[]> {
  const env = { ...process.env, DIE_AT: String(dieAt) }
  const child = spawn(process.execPath, ['--import', DIE_AT, SCRIPT, url], { env })
  let printed = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== null && code !== 0) throw new Error(errors)
  return printed.split('\n').slice(0, -1)
}

/** How often each event stands in the log, the trimmed ones included, once everything was moved that is to be moved. */
async function timesInLog(provider: EventProvider): Promise<{ [id: string]: number }> {
  await provider.due(NOW + 100_000, 10)
  const times: { [id: string]: number } = {}
  for (const id of ids(await entriesOf(provider))) times[id] = (times[id] ?? 0) + 1
  return times
}

async function check(provider: EventProvider, answered: readonly string[]): Promise<void> {
  const did = (step: string): boolean => answered.includes(step)
  const { events } = await provider.list({ limit: 10 })
  const status = (id: string) => events.find((event) => event.id === id)?.status
  const times = await timesInLog(provider)
  const stored = ids(events).sort()
  // All or none of a post, whether it was answered or not.
  expect(stored).toEqual(did('posted') || stored.length > 0 ? ['a', 'b', 'w1', 'w2', 'w3'] : [])
  if (stored.length === 0) return
  const { first } = await provider.log.stats()
  const trimmed = Number(first) - 1
  expect([0, 2]).toContain(trimmed)
  const isCancelled = status('w3') === 'cancelled'
  expect(isCancelled || !did('cancelled')).toBe(true)
  expect(times['w3'] ?? 0).toBe(isCancelled ? 0 : 1)
  expect([times['w1'], times['w2']]).toEqual([1, 1])
  expect(times['a'] ?? 0).toBe(trimmed === 0 ? 1 : 0)
  const replays = (times['b'] ?? 0) - (trimmed === 0 ? 1 : 0)
  expect(did('replayed') ? [1] : [0, 1]).toContain(replays)
  expect(did('progress') ? ['completed'] : ['pending', 'completed']).toContain(status('a'))
}

test(
  'whichever statement a process dies before, a file keeps all of a step or none of it, and what was answered',
  { timeout: TIMEOUT_MS },
  async () => {
    let died = 0
    for (let dieAt = 1; dieAt < MOST_STEPS; dieAt++) {
      const url = `file:${folder}/${dieAt}`
      const answered = await run(url, dieAt)
      if (answered.includes('end')) break
      died += 1
      const provider = await openEventProvider(url, { name: 'check' })
      await check(provider, answered)
      await provider.close()
    }
    expect(died).toBeGreaterThan(30)
    expect(died).toBeLessThan(MOST_STEPS - 1)
  },
)
