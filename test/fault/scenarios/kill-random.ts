import { setTimeout as delay } from 'node:timers/promises'
import { Rig } from '../rig.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { randomFrom } from '../random.ts'

const CYCLES = 20
const MAX_LIFE_MS = 1_700
const MIN_LIFE_MS = 200
const MAX_REST_MS = 300

async function run(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using rig = await Rig.start(context)
  rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await delay(MIN_LIFE_MS + random() * (MAX_LIFE_MS - MIN_LIFE_MS))
    await rig.kill()
    await delay(random() * MAX_REST_MS)
    rig.daemon.spawn()
    if (cycle % 20 === 19) context.progress(`${cycle + 1} of ${cycles} kills`)
  }
  await rig.daemon.ready()
  return await rig.outcome('kill -9 at random moments', cycles)
}

export const scenario: Scenario = {
  name: 'kill-random',
  group: 'kill',
  doc: 'kill -9 at random moments under load: replay from the checkpoint',
  run,
}
