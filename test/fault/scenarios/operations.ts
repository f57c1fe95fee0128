import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../../support/daemon.ts'
import { randomFrom } from '../random.ts'
import { redisStreamRules } from '../recorders/redis-stream.ts'
import { Rig } from '../rig.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const CYCLES = 10
const TERMINATED = 143

/** Half a file, then the whole one again: the old rules stay in force in between. */
async function brokenReload(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using rig = await Rig.start(context)
  const { daemon } = rig
  rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    const rules = `${redisStreamRules()}# ${cycle}\n`
    const half = rules.slice(0, 20 + Math.floor(random() * (rules.length - 60)))
    await writeFile(daemon.rulesFile, `${half}\n  : [broken`)
    await daemon.says({ code: 'BINGO_RULES_NOT_RELOADED' }, cycle + 1)
    if (!(await daemon.isReady())) throw new Error(`not ready with the old rules:\n${daemon.output()}`)
    await writeFile(daemon.rulesFile, rules)
    await daemon.says({ msg: 'rules reloaded' }, cycle + 1)
  }
  return await rig.outcome('reload of broken rules', cycles)
}

/** A stop flushes what waits in windows; the checkpoint has passed it, so that nothing comes again. */
async function stopInWindow(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const rules = redisStreamRules().replace('    actions:', '    debounce: 10s\n    actions:')
  await using rig = await Rig.start(context, { daemon: { rules } })
  const problems: string[] = []
  rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await eventually('changes wait', async () => ((await rig.daemon.metric('bingo_in_flight_jobs')) ?? 0) > 100)
    const code = await rig.daemon.stop('SIGTERM')
    if (code !== 0) problems.push(`cycle ${cycle}: ended with ${code}`)
    await rig.noteReplay()
    rig.daemon.spawn()
    await rig.daemon.ready()
  }
  return await rig.outcome('SIGTERM inside a window', cycles, { problems })
}

/** The target hangs, so that the stop does; the second signal ends it, and the next start replays. */
async function stoppedTwice(context: ScenarioContext): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  await using rig = await Rig.start(context)
  const problems: string[] = []
  rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await Promise.all([delay(300), rig.writer.writes(50)])
    await rig.redis.kill('SIGSTOP')
    rig.daemon.signal('SIGTERM')
    await rig.daemon.says({ msg: 'stopping' }, cycle + 1)
    const code = await rig.daemon.stop('SIGTERM')
    if (code !== TERMINATED) problems.push(`cycle ${cycle}: ended with ${code}`)
    await rig.redis.kill('SIGCONT')
    await rig.noteReplay()
    rig.daemon.spawn()
    await rig.daemon.ready()
  }
  return await rig.outcome('second SIGTERM', cycles, { problems })
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'reload-broken',
    group: 'operations',
    doc: 'half a rules file under load: refused, the old rules stay, nothing is sent twice',
    run: brokenReload,
  },
  {
    name: 'sigterm-in-window',
    group: 'operations',
    doc: 'SIGTERM while changes wait in a window: exit 0, all of them delivered once',
    run: stopInWindow,
  },
  {
    name: 'sigterm-twice',
    group: 'operations',
    doc: 'a second SIGTERM while the target hangs: exit 143 at once, the rest is replayed',
    run: stoppedTwice,
  },
]
