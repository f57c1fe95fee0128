import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createBroker } from '../../src/index.ts'

const PROGRAM = fileURLToPath(new URL('../support/broker-process.ts', import.meta.url))

let folder: string
let child: ChildProcess | null = null
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-broker-'))
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

const store = (): string => `file:${folder}/events`
const effectsFile = (): string => join(folder, 'effects')

/** Runs the program until it has said so many lines, or that one; answers what it has published by then. */
async function run(count: number, until: number | string, signal: NodeJS.Signals) {
  const program = spawn(process.execPath, [PROGRAM, store(), effectsFile(), String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child = program
  const exited = once(program, 'exit')
  const lines: string[] = []
  let isEnough = false
  for await (const line of createInterface({ input: program.stdout })) {
    lines.push(line)
    if (!isEnough && (line === until || lines.length === until)) {
      isEnough = true
      program.kill(signal)
    }
  }
  await exited
  return { published: lines.filter((line) => /^\d+-\d+$/.test(line)), endedBy: program.signalCode, lines }
}

/** What was handled, by key, each event at its first time. */
function effects(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const text = existsSync(effectsFile()) ? readFileSync(effectsFile(), 'utf8') : ''
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [key, id] = line.split(' ') as [string, string]
    const ids = found.get(key) ?? []
    if (!ids.includes(id)) found.set(key, [...ids, id])
  }
  return found
}

test('What was published before a kill -9 is handled after it, once or again with the same id, in the order of its key', async () => {
  const published: string[] = []
  for (const lines of [40, 3, 90, 60]) published.push(...(await run(1_000, lines, 'SIGKILL')).published)
  await run(0, 'idle', 'SIGKILL')
  const found = effects()
  const all = [...found.values()].flat()
  expect(published.filter((id) => !all.includes(id))).toEqual([])
  expect(published.length).toBeGreaterThan(150)
  for (const [key, ids] of found) {
    // Those whose answer was lost may be there as well: behind the others of their run.
    const known = ids.filter((id) => published.includes(id))
    const inOrder = published.filter((id) => `k${Number(id.split('-')[1]) % 5}` === key)
    expect(known).toEqual(inOrder)
  }
})

test('SIGTERM lets handlers end, keeps what is left for the next start, and ends the process as it would have without', async () => {
  const { published, endedBy } = await run(1_000, 50, 'SIGTERM')
  expect(endedBy).toBe('SIGTERM')
  const before = [...effects().values()].flat()
  const broker = createBroker({ store: store() })
  const rest: string[] = []
  broker.subscribe('orders.*', ({ id }) => void rest.push(id), { id: 'effects' })
  await broker.start()
  try {
    await expect.poll(() => published.filter((id) => !before.includes(id) && !rest.includes(id))).toEqual([])
    // A stop in order repeats nothing.
    expect(rest.filter((id) => before.includes(id))).toEqual([])
  } finally {
    await broker.stop()
  }
})
