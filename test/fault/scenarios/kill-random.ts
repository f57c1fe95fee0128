import { setTimeout as delay } from 'node:timers/promises'
import { recordAuditLog } from '../recorders/audit-log.ts'
import { recordKafkaTopic } from '../recorders/kafka-topic.ts'
import { recordWebhooks } from '../recorders/webhook.ts'
import { Rig } from '../rig.ts'
import type { RigOptions } from '../rig.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { randomFrom } from '../random.ts'

const CYCLES = 20
const MAX_LIFE_MS = 1_700
const LIFE_TRANSACTIONS = 50
const MIN_LIFE_MS = 200
const MAX_REST_MS = 300

async function run(context: ScenarioContext, fault: string, recorder?: RigOptions['recorder']): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using rig = await Rig.start(context, recorder === undefined ? {} : { recorder })
  rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await Promise.all([
      delay(MIN_LIFE_MS + random() * (MAX_LIFE_MS - MIN_LIFE_MS)),
      rig.writer.writes(LIFE_TRANSACTIONS),
    ])
    await rig.kill()
    await delay(random() * MAX_REST_MS)
    rig.daemon.spawn()
    if (cycle % 20 === 19) context.progress(`${cycle + 1} of ${cycles} kills`)
  }
  await rig.daemon.ready()
  return await rig.outcome(fault, cycles)
}

export const scenario: Scenario = {
  name: 'kill-random',
  group: 'kill',
  doc: 'kill -9 at random moments under load: replay from the checkpoint',
  run: (context) => run(context, 'kill -9 at random moments'),
}

export const scenarios: readonly Scenario[] = [
  ['webhook', 'a webhook', recordWebhooks] as const,
  ['kafka', 'a Kafka topic', recordKafkaTopic] as const,
  ['audit-log', 'an audit log', recordAuditLog] as const,
].map(([name, what, recorder]) => ({
  name: `kill-random-${name}`,
  group: 'kill',
  doc: `the same, recorded by ${what}`,
  run: (context) => run(context, `kill -9, recorded by ${what}`, recorder),
}))
