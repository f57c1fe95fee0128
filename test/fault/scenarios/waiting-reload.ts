import { setTimeout as delay } from 'node:timers/promises'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { WaitingRig } from '../waiting/waiting-rig.ts'

const CYCLES = 20
const MAX_LIFE_MS = 1_500

/** The rules are changed while their events wait: delays, then back again; the target is down in every other cycle. */
async function run(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using rig = await WaitingRig.start(context, 'file')
  rig.write()
  for (let cycle = 0; cycle < cycles; cycle++) {
    rig.target(cycle % 2 === 0 ? 'down' : 'up')
    await delay(random() * MAX_LIFE_MS)
    await rig.useDelay(cycle % 2 === 0 ? 0.5 : 1)
    await rig.daemon.says({ msg: 'rules reloaded' }, cycle + 1)
  }
  return await rig.outcome('rules reloaded while events wait', cycles, [])
}

export const scenario: Scenario = {
  name: 'waiting-reload',
  group: 'operations',
  doc: 'rules are changed while their events are delayed and spooled: nothing lost, order per key',
  run,
}
