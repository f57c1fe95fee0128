import { setTimeout as delay } from 'node:timers/promises'
import { Pair } from '../pair.ts'
import type { LeaseKind } from '../pair.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const CYCLES = 10
const TTL_MS = 2_000
const LOAD_TRANSACTIONS = 50
/** Exit code of an instance that another one has replaced. */
const TAKEN = 5

/** The leader is killed; the other takes over; the dead one comes back as standby. */
async function killed(context: ScenarioContext, lease: LeaseKind): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using pair = await Pair.start(context, lease, TTL_MS)
  const seconds: number[] = []
  pair.rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await Promise.all([delay(300 + random() * 1_000), pair.rig.writer.writes(LOAD_TRANSACTIONS)])
    await pair.leader.stop('SIGKILL')
    await pair.rig.noteReplay()
    seconds.push(await pair.takeover())
    pair.standby.spawn()
    await pair.waits(pair.standby)
  }
  return await pair.rig.outcome(`leader killed, lease in ${lease}`, cycles, {
    notes: `takeover ${range(seconds)}`,
    daemon: pair.leader,
  })
}

/** The leader is stopped in its tracks for longer than its lease, and wakes up behind its successor. */
async function paused(context: ScenarioContext, lease: LeaseKind): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using pair = await Pair.start(context, lease, TTL_MS)
  const seconds: number[] = []
  const problems: string[] = []
  let late = 0
  pair.rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await Promise.all([delay(300 + random() * 1_000), pair.rig.writer.writes(LOAD_TRANSACTIONS)])
    const sleeper = pair.leader
    sleeper.signal('SIGSTOP')
    await pair.rig.noteReplay()
    seconds.push(await pair.takeover())
    await delay(random() * 1_000)
    const wokenAt = (await pair.rig.recorder.arrivals()).length
    sleeper.signal('SIGCONT')
    const code = await sleeper.ended()
    if (code !== TAKEN) problems.push(`cycle ${cycle}: the woken leader ended with ${code}:\n${sleeper.output()}`)
    const since = (await pair.rig.recorder.arrivals()).slice(wokenAt)
    late += since.filter(({ by }) => by === pair.nameOf(sleeper)).length
    sleeper.spawn()
    await pair.waits(sleeper)
  }
  return await pair.rig.outcome(`leader paused, lease in ${lease}`, cycles, {
    notes: `takeover ${range(seconds)}; ${late} effects of woken leaders`,
    problems,
    daemon: pair.leader,
  })
}

/** Pauses that the lease outlasts change nothing: the leader goes on. */
async function blinked(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using pair = await Pair.start(context, 'redis', TTL_MS)
  const problems: string[] = []
  pair.rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await delay(TTL_MS / 2)
    pair.leader.signal('SIGSTOP')
    await delay((0.05 + random() * 0.3) * TTL_MS)
    pair.leader.signal('SIGCONT')
  }
  if (!(await pair.leader.isReady())) problems.push('the leader does not lead any more')
  await pair.waits(pair.standby)
  return await pair.rig.outcome('leader paused for less than its lease', cycles, { problems, daemon: pair.leader })
}

/** Told to stop, a leader hands over at once; nothing is sent twice. */
async function handedOver(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  await using pair = await Pair.start(context, 'redis', TTL_MS)
  const seconds: number[] = []
  const problems: string[] = []
  pair.rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await delay(500)
    const code = await pair.leader.stop('SIGTERM')
    if (code !== 0) problems.push(`the stopped leader ended with ${code}`)
    seconds.push(await pair.takeover())
    pair.standby.spawn()
    await pair.waits(pair.standby)
  }
  return await pair.rig.outcome('leader stopped by SIGTERM', cycles, {
    notes: `takeover ${range(seconds)}`,
    problems,
    daemon: pair.leader,
  })
}

function range(seconds: readonly number[]): string {
  return `${Math.min(...seconds).toFixed(1)}–${Math.max(...seconds).toFixed(1)} s (ttl ${TTL_MS / 1_000} s)`
}

export const scenarios: readonly Scenario[] = [
  ...(['redis', 'mysql'] as const).flatMap((lease): Scenario[] => [
    {
      name: `standby-killed-${lease}`,
      group: 'standby',
      doc: `kill -9 of the leader under load, lease in ${lease}: the other takes over`,
      run: (context) => killed(context, lease),
    },
    {
      name: `standby-paused-${lease}`,
      group: 'standby',
      doc: `SIGSTOP of the leader for longer than its lease in ${lease}: it is replaced, and stops when it wakes up`,
      run: (context) => paused(context, lease),
    },
  ]),
  {
    name: 'standby-blinked',
    group: 'standby',
    doc: 'SIGSTOP of the leader for less than its lease: it resumes and delivers nothing twice',
    run: blinked,
  },
  {
    name: 'standby-handed-over',
    group: 'standby',
    doc: 'SIGTERM of the leader under load: the other takes over at once, and nothing is sent twice',
    run: handedOver,
  },
]
