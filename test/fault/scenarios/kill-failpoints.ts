import { appendFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { FAILPOINTS, FAILPOINT_VARIABLE } from '../failpoints/names.ts'
import type { Failpoint } from '../failpoints/names.ts'
import { randomFrom } from '../random.ts'
import { redisStreamRules } from '../recorders/redis-stream.ts'
import { Rig } from '../rig.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

/** Twice each. */
const CYCLES = FAILPOINTS.length * 2
/** Passings before it dies, at most; stops and reloads come once in a life. */
const MAX_PASSINGS: Readonly<Record<Failpoint, number>> = {
  'row-read': 2_000,
  'effect-sent': 200,
  'effect-acknowledged': 200,
  'dead-letter-written': 5,
  'checkpoint-sent': 4,
  'checkpoint-acknowledged': 4,
  reload: 1,
  'stop-draining': 1,
  'stop-saving': 1,
}
const REACHED_TIMEOUT_MS = 30_000
const POISONED_KEY = 'poisoned'

/** Changes of every fiftieth generation are refused by Redis (WRONGTYPE), and so written to the dead letters. */
const RULES = `${redisStreamRules()}  - id: poison
    table: fault.one
    events: [UPDATE]
    filter: new.seq % 50 == 0
    actions:
      - {type: redis, cmd: INCRBY, key: ${POISONED_KEY}, value: "1", onFailure: skip}
`

async function run(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using rig = await Rig.start(context, {
    daemon: { rules: RULES, failpoints: 'changes' },
  })
  await rig.redis.cli('HSET', POISONED_KEY, 'is', 'a hash')
  rig.writer.start()
  const problems: string[] = []
  await rig.kill()
  for (let cycle = 0; cycle < cycles; cycle++) {
    const point = FAILPOINTS[cycle % FAILPOINTS.length]!
    const passing = 1 + Math.floor(random() * MAX_PASSINGS[point])
    rig.daemon.spawn({ [FAILPOINT_VARIABLE]: `${point}:${passing}` })
    if (!(await diedAt(rig, point))) problems.push(`cycle ${cycle}: ${point}:${passing} was not reached`)
    await rig.kill()
    if (cycle % 20 === 19) context.progress(`${cycle + 1} of ${cycles} kills`)
  }
  rig.daemon.spawn()
  await rig.daemon.ready()
  const outcome = await rig.outcome(`kill -9 at ${FAILPOINTS.length} named moments`, cycles, { problems })
  const unburied = await missingLetters(rig)
  return { ...outcome, lost: outcome.lost + unburied, notes: `${unburied} not in the dead letters` }
}

/** Brings the daemon to where it is to die; false when it did not get there. */
async function diedAt(rig: Rig, point: Failpoint): Promise<boolean> {
  const died = rig.daemon.ended().then(() => true)
  if (point === 'reload' || point.startsWith('stop')) {
    await Promise.race([rig.daemon.ready().catch(() => undefined), died])
    if (point === 'reload') await appendFile(rig.daemon.rulesFile, '# changed\n')
    else rig.daemon.signal('SIGTERM')
  }
  const inTime = await Promise.race([died, delay(REACHED_TIMEOUT_MS, false, { ref: false })])
  return inTime && rig.daemon.endedBy === 'SIGKILL'
}

/** Poisoned changes that no dead letter holds (invariant 1). */
async function missingLetters(rig: Rig): Promise<number> {
  const keys = (await rig.redis.cli('-n', '1', '--raw', 'HKEYS', 'bingo:{bingo}:dead-letters')).split('\n')
  const letters = new Set(keys.map((key) => key.split('#')[0]))
  const poisoned = (await rig.recorder.arrivals()).filter(
    ({ key, seq, op }) => op === 'update' && key.startsWith('one:') && seq % 50 === 0,
  )
  return new Set(poisoned.map(({ id }) => id).filter((id) => !letters.has(id))).size
}

export const scenario: Scenario = {
  name: 'kill-failpoints',
  group: 'kill',
  doc: 'kill -9 when a row is read, an effect sent or acknowledged, a dead letter written, a checkpoint saved, during reload and stop',
  run,
}
