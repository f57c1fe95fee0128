import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { EventProvider } from '../../../src/model/state/event-provider.ts'
import { entriesOf, ids } from './new-event.ts'

const SCRIPT = new URL('posting-process.ts', import.meta.url).pathname
const DIE_BETWEEN = new URL('die-between.ts', import.meta.url).pathname

/** A process that posts, and the ids that were answered. */
export class PostingProcess implements AsyncDisposable {
  readonly #child
  #printed = ''
  #errors = ''

  /** `env`: with DIE_BETWEEN, it kills itself (see die-between.ts). */
  constructor(url: string, life: number | string, env: { readonly [name: string]: string } = {}) {
    const args = env['DIE_BETWEEN'] === undefined ? [] : ['--import', DIE_BETWEEN]
    this.#child = spawn(process.execPath, [...args, SCRIPT, url, String(life)], { env: { ...process.env, ...env } })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#printed += text))
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text))
  }

  /** Rejects when it ends before. */
  async hasAnswered(count: number): Promise<void> {
    while (this.answered().length < count) {
      if (!this.#isRunning) throw new Error(`it ended: ${this.#errors}`)
      await delay(5)
    }
  }

  async kill(): Promise<void> {
    const ended = this.#isRunning ? once(this.#child, 'close') : null
    this.#child.kill('SIGKILL')
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  /** It ends by itself, with an error. */
  async ended(): Promise<void> {
    if (this.#isRunning) await once(this.#child, 'close')
  }

  get #isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  answered(): string[] {
    const lines = this.#printed.slice(0, this.#printed.lastIndexOf('\n') + 1).split('\n')
    return lines.slice(0, -1).map((line) => line.slice(line.indexOf(' ') + 1))
  }
}

/** Everything that was answered is in the log, nothing is there twice, and each key has the order in which it was posted. */
export async function checkKept(provider: EventProvider, answered: readonly string[]): Promise<void> {
  while ((await provider.due(Date.now() + 60_000, 1_000)).moved > 0);
  const stored = ids(await entriesOf(provider))
  const known = new Set(stored)
  expect(answered.filter((id) => !known.has(id))).toEqual([])
  expect(stored.filter((id, i) => stored.indexOf(id, i + 1) >= 0)).toEqual([])
  const last = new Map<string, number>()
  for (const id of stored) {
    const [life, writer, n] = id.split(':')
    if (Number(n) % 5 === 4) continue
    const key = `${life}:${writer}`
    expect([id, Number(n) > (last.get(key) ?? -1)]).toEqual([id, true])
    last.set(key, Number(n))
  }
  for (const id of answered.filter((_, i) => i % 50 === 0)) {
    expect(await provider.get({ environment: 'default', id })).toMatchObject({ id, status: 'pending' })
  }
}
