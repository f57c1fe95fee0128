import { Admin } from '@platformatic/kafka'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DeliveryRun, ReplayMark } from '../../src/model/delivery/delivery-run.ts'
import type { Sendable, SendResult, Target } from '../../src/model/rule/action.ts'
import { kafka as kafkaType } from '../../src/targets/kafka/action.ts'
import { APPLIED_TOPIC } from '../../src/targets/kafka/once/applied-topic.ts'
import { silentLog } from '../support/jobs.ts'
import { committedValues } from '../support/kafka-committed.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()
let server: Awaited<ReturnType<typeof startKafka>>
let topic = ''
let round = 0

beforeAll(async () => {
  server = await startKafka()
})
afterAll(() => server?.stop())
beforeEach(async () => {
  topic = `once-${round++}`
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [server.url] })
  await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 })
  await admin.close()
})

const action = (more: object = {}) => ({
  type: 'kafka',
  brokers: [server.url],
  topic,
  key: '{{id}}',
  value: { id: '{{id}}' },
  exactlyOnce: true,
  ...more,
})

async function open(epoch: number | null, window: DeliveryRun['window'] = null): Promise<Target & AsyncDisposable> {
  const { plan } = compile(action())
  const run = { name: topic, epoch, window }
  const target = await kafkaType.open(plan.target, { log: silentLog, now: Date.now, run })
  return Object.assign(target, { [Symbol.asyncDispose]: () => target.close() })
}

function jobs(ids: readonly number[], more: object = {}): Sendable[] {
  const { plan } = compile(action(more))
  return ids.map((id) => jobFor(plan, { id, status: id }, id))
}

/** As the executor does: again and again until it is acknowledged. */
async function untilTaken(target: Target, batch: readonly Sendable[]): Promise<void> {
  while ((await target.send(batch, signal)) !== undefined) await delay(100)
}

const seen = async (): Promise<number[]> =>
  (await committedValues(server.url, topic)).map((value) => (JSON.parse(value) as { id: number }).id)
const kinds = (result: SendResult) => result?.map((failure) => failure?.kind ?? null)
const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b)

describe('with exactlyOnce', () => {
  test('an event that is sent again, by this run or by a later one, is seen once', async () => {
    {
      await using target = await open(1)
      await untilTaken(target, jobs([1, 2, 3]))
      await untilTaken(target, jobs([3, 4, 1]))
    }
    await using later = await open(2)
    await untilTaken(later, jobs([2, 4, 5, 3]))
    expect(sorted(await seen())).toEqual([1, 2, 3, 4, 5])
  })

  test('a record that is refused for its size holds back nobody, and is the only one that fails', async () => {
    await using target = await open(1)
    const large = jobs([2], { value: { id: '{{id}}', text: 'x'.repeat(1_200_000) } })
    const [one, three] = [jobs([1]), jobs([3])]
    expect(kinds(await target.send([...one, ...large, ...three], signal))).toEqual([null, 'poison', null])
    expect(sorted(await seen())).toEqual([1, 3])
  })

  test('a run that another one has taken over from sends nothing more, and does not disturb the other', async () => {
    await using first = await open(1)
    await untilTaken(first, jobs([1]))
    await using second = await open(2)
    await untilTaken(second, jobs([2]))
    for (let i = 0; i < 3; i++) expect(kinds(await first.send(jobs([3]), signal))).toEqual(['down'])
    expect((await first.send(jobs([3]), signal))?.[0]?.error.code).toBe('BINGO_KAFKA_FENCED')
    await untilTaken(second, jobs([3, 2, 4]))
    expect(sorted(await seen())).toEqual([1, 2, 3, 4])
  })

  test('a broker that is killed and comes back makes nothing double', async () => {
    await using target = await open(1)
    await untilTaken(target, jobs([1, 2]))
    await server.kill('SIGKILL')
    expect(kinds(await target.send(jobs([3, 4]), signal))).toEqual(['down', 'down'])
    await server.restart()
    await untilTaken(target, jobs([2, 3, 4]))
    expect(sorted(await seen())).toEqual([1, 2, 3, 4])
  })

  test('what the stored checkpoint has passed is forgotten, and its place in the topic used again', async () => {
    let stored = 0
    let newest = 0
    const window = {
      caughtUp: true,
      mark: (): ReplayMark => [newest],
      passed: ([mark]: ReplayMark) => stored >= mark!,
    }
    await using target = await open(1, window)
    for (newest = 1; newest <= 6; newest++) {
      await untilTaken(target, jobs([newest]))
      stored = newest
    }
    const slots = new Set(
      (await committedValues(server.url, APPLIED_TOPIC, 'keys')).filter((key) => key.startsWith(`${topic}/`)),
    )
    expect([...slots].filter((key) => key.includes('/slot/')).length).toBeLessThanOrEqual(2)
    await untilTaken(target, jobs([1]))
    expect(sorted(await seen())).toEqual([1, 1, 2, 3, 4, 5, 6])
  })

  test('a retry of dead letters beside the run knows what was sent, and is known by later runs', async () => {
    await using target = await open(1)
    await untilTaken(target, jobs([1]))
    await target.beforeDeadLetter!(jobs([1, 2]))
    await using retry = await open(null)
    await untilTaken(retry, jobs([1, 2]))
    await untilTaken(target, jobs([3]))
    await using later = await open(2)
    await untilTaken(later, jobs([1, 2, 3]))
    expect(sorted(await seen())).toEqual([1, 2, 3])
  })
})
