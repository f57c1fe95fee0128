import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { createEventStore } from '../../../src/event-store/create.ts'
import { all } from './contract.ts'

const APPENDER = fileURLToPath(new URL('./appender.ts', import.meta.url))

/** Processes append pairs of events, and are killed after so many answers: every answered pair is there, and no half of one. */
export async function checkKills(url: string, kills: readonly number[]): Promise<void> {
  for (const after of kills) {
    const answered = await appendAndKill(url, after)
    expect(answered.length).toBeGreaterThanOrEqual(after)
    await using store = createEventStore(url)
    const events = await all(store.readAll())
    const there = new Set(events.map(({ id }) => id))
    expect(answered.filter((id) => !there.has(`${id}-a`) || !there.has(`${id}-b`))).toEqual([])
    const halves = events.filter(({ id }) => !there.has(id.replace(/-[ab]$/, id.endsWith('a') ? '-b' : '-a')))
    expect(halves).toEqual([])
    for await (const { stream } of store.listStreams()) {
      // A server may still commit what the dead process has sent.
      const versions = (await all(store.readStream(stream))).map(({ version }) => version)
      expect(versions).toEqual(versions.map((_, i) => i + 1))
    }
  }
}

/** Starts a process that appends without end, kills it after so many answers, and says which appends were answered. */
async function appendAndKill(url: string, after: number): Promise<string[]> {
  const child = spawn(process.execPath, [APPENDER, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  const answered: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    answered.push(line)
    if (answered.length === after) child.kill('SIGKILL')
  }
  return answered
}
