import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { Sendable, Target } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { randomFrom } from '../fault/random.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const EVENTS = 120
const ROWS = 7
const MAX_STEPS = 5_000
const { signal } = new AbortController()

/** A receiver that works each `webhook-id` off once, as Standard Webhooks advises, and whose answers get lost. */
class Receiver implements AsyncDisposable {
  readonly bodies = new Map<string, string>()
  readonly timesSeen = new Map<number, number>()
  changedBodies = 0
  repetitions = 0
  private readonly server = createServer((request, response) => void this.answer(request, response))
  private readonly random: () => number
  private readonly refusals: boolean

  constructor(random: () => number, refusals: boolean) {
    this.random = random
    this.refusals = refusals
  }

  async start(): Promise<string> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening')
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const fate = this.random()
    if (fate < 0.1) return void response.writeHead(503).end()
    if (fate < 0.2 && this.refusals) return void response.writeHead(408).end()
    this.take(String(request.headers['webhook-id']), body)
    if (fate < 0.3) response.socket?.resetAndDestroy()
    else response.writeHead(fate < 0.4 ? 500 : 204).end()
  }

  private take(id: string, body: string): void {
    const before = this.bodies.get(id)
    if (before !== undefined) {
      this.repetitions += 1
      if (before !== body) this.changedBodies += 1
      return
    }
    this.bodies.set(id, body)
    const parsed = JSON.parse(body) as { events?: { n: number }[]; n: number }
    for (const { n } of parsed.events ?? [parsed]) this.timesSeen.set(n, (this.timesSeen.get(n) ?? 0) + 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }
}

/** Sends all events as the executor does: batches of what has come by then, failures kept in front, replays after a restart. */
async function deliver(url: string, random: () => number, restarts: boolean): Promise<void> {
  const fields = { type: 'webhook', url, batch: 'auto', body: { id: '{{id}}', n: '{{n}}' } }
  const { plan, type } = compile(fields, { timeoutMs: 10_000 })
  const open = (): Promise<Target> => type.open(plan.target, { log: silentLog, now: Date.now })
  const jobOf = (n: number): Sendable => jobFor(plan as ActionPlan, { id: n % ROWS, n }, n)
  let target = await open()
  let queue: Sendable[] = []
  let arrived = 0
  let alone = false
  for (let step = 0; step < MAX_STEPS && (arrived < EVENTS || queue.length > 0); step++) {
    const arriving = Math.min(EVENTS - arrived, Math.floor(random() * 6))
    for (let i = 0; i < arriving; i++) queue.push(jobOf(arrived++))
    if (restarts && random() < 0.05) {
      await target.close()
      target = await open()
      const replayFrom = Math.max(0, arrived - queue.length - Math.floor(random() * 5))
      queue = Array.from({ length: arrived - replayFrom }, (_, i) => jobOf(replayFrom + i))
    }
    if (queue.length === 0) continue
    const batch = queue.slice(0, alone ? 1 : 100)
    const result = await target.send(batch, signal)
    const kept = result === undefined ? [] : batch.filter((_, i) => result[i] !== null)
    alone = result?.some((failure) => failure?.kind === 'unknown') ?? false
    queue = [...kept, ...queue.slice(batch.length)]
  }
  await target.close()
  expect([arrived, queue.length]).toEqual([EVENTS, 0])
}

const seeds = [1, 2, 3, 4, 5]

test.each(seeds)('a receiver that dedupes by webhook-id sees every event exactly once (seed %i)', async (seed) => {
  const random = randomFrom(seed)
  await using receiver = new Receiver(random, false)
  await deliver(await receiver.start(), random, false)
  expect(receiver.timesSeen.size).toBe(EVENTS)
  expect([...receiver.timesSeen.values()].every((times) => times === 1)).toBe(true)
  expect(receiver.repetitions).toBeGreaterThan(0)
  expect(receiver.changedBodies).toBe(0)
})

test.each(seeds)('over restarts and batches made up anew it misses none (seed %i)', async (seed) => {
  const random = randomFrom(seed)
  await using receiver = new Receiver(random, true)
  await deliver(await receiver.start(), random, true)
  expect(receiver.timesSeen.size).toBe(EVENTS)
  expect(receiver.changedBodies).toBe(0)
})

test('two actions that send one receiver different content for one event are two messages', async () => {
  const random = () => 1
  await using receiver = new Receiver(random, false)
  const url = await receiver.start()
  for (const [index, rule] of [
    [0, 'welcome'],
    [1, 'welcome'],
    [0, 'points'],
  ] as const) {
    const { plan, type } = compile({ type: 'webhook', url, body: { n: '{{id}}', what: `${rule} ${index}` } }, { index })
    Object.assign(plan.rule, { id: rule })
    const target = await type.open(plan.target, { log: silentLog, now: Date.now })
    expect(await target.send([jobFor(plan)], signal)).toBeUndefined()
    await target.close()
  }
  expect([...receiver.bodies.values()].map((body) => JSON.parse(body) as object)).toEqual([
    { n: 1, what: 'welcome 0' },
    { n: 1, what: 'welcome 1' },
    { n: 1, what: 'points 0' },
  ])
})
