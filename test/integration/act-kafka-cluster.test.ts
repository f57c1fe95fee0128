import { setTimeout as delay } from 'node:timers/promises'
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafka } from '../../src/targets/kafka/action.ts'
import type { Target } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { judge } from '../fault/checker.ts'
import { randomFrom } from '../fault/random.ts'
import { silentLog } from '../support/jobs.ts'
import { committedValues } from '../support/kafka-committed.ts'
import { sendUntilTaken } from '../support/redelivery.ts'
import { RowHistory } from '../support/row-history.ts'
import { startKafkaCluster } from '../support/servers/kafka.ts'
import type { KafkaNode } from '../support/servers/kafka.ts'
import { compile } from '../unit/targets/action-spec.ts'

/** More of them: BINGO_TEST_KILLS=30. */
const ROUNDS = Number(process.env['BINGO_TEST_KILLS'] ?? 1)
const NODES = 3
const TOPIC = 'moved'
const ROWS = 50
const BATCH = 500
const KILL_WITHIN_MS = 300
/** Leaves the machine to the brokers now and then. */
const REST_MS = 10

let nodes: readonly KafkaNode[]
let admin: Admin
let target: Target

const brokers = (): string[] => nodes.map(({ url }) => url)

function plan(): ActionPlan {
  return compile({ type: 'kafka', brokers: brokers(), topic: TOPIC }, { timeoutMs: 10_000 }).plan
}

/** The partitions' leaders (node ids) and how many replicas each has in sync. */
async function partitions(): Promise<{ leader: number; inSync: number }[]> {
  const metadata = await admin.metadata({ topics: [TOPIC], forceUpdate: true })
  return metadata.topics.get(TOPIC)!.partitions.map(({ leader, isr }) => ({ leader, inSync: isr.length }))
}

async function whenAllInSync(): Promise<void> {
  await expect
    .poll(async () => (await partitions().catch(() => [])).map(({ inSync }) => inSync))
    .toEqual([NODES, NODES, NODES, NODES])
}

beforeAll(async () => {
  nodes = await startKafkaCluster(NODES)
  admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers(), retries: 20, retryDelay: 500 })
  const configs = [{ name: 'min.insync.replicas', value: '2' }]
  await admin.createTopics({ topics: [TOPIC], partitions: 4, replicas: NODES, configs })
  target = await kafka.open(plan().target, { log: silentLog, now: Date.now })
})
afterAll(async () => {
  await target.close()
  await admin.close()
  await Promise.all(nodes.map((node) => node.stop()))
})

describe('a Kafka cluster whose leaders are killed under load', () => {
  test('receives everything in order per key', async () => {
    await whenAllInSync()
    const random = randomFrom(11)
    const history = new RowHistory(plan(), ROWS)
    let ending = false
    const load = (async () => {
      while (!ending) {
        await sendUntilTaken(target, history.next(BATCH))
        await delay(REST_MS)
      }
    })()
    for (let round = 0; round < ROUNDS; round++) {
      const { leader } = (await partitions())[round % 4]!
      const node = nodes[leader - 1]!
      await delay(random() * KILL_WITHIN_MS)
      await node.kill('SIGKILL')
      const before = history.written
      await expect.poll(() => history.written).toBeGreaterThan(before + 2 * BATCH)
      if (round === ROUNDS - 1) break
      await node.restart()
      await whenAllInSync()
    }
    ending = true
    await load
    const arrivals = (await committedValues(brokers(), TOPIC)).map((value) => {
      const event = JSON.parse(value) as { id: string; new: { id: number; status: number } }
      return { key: String(event.new.id), seq: event.new.status, id: event.id }
    })
    const verdict = judge(arrivals, history.final)
    if (ROUNDS > 1) console.log(`${ROUNDS} kills, ${history.written} changes, ${verdict.duplicates} duplicates`)
    expect(verdict).toMatchObject({ lost: [], reordered: [], phantoms: [], changedIds: [] })
  })
})
