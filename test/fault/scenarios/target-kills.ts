import { startMysql } from '../../support/servers/mysql.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { OUTLETS } from '../targets/all.ts'
import { startKafkaClusterTopic } from '../targets/kafka-cluster.ts'
import { killTarget } from '../targets/kill-run.ts'
import type { StartOutlet } from '../targets/outlet.ts'

const KILLS = 30
const CHANGES_PER_KILL = 3_000

const STARTS: ReadonlyMap<string, StartOutlet> = new Map([
  ...[...OUTLETS].filter(([name]) => name !== 'log'),
  ['kafka-cluster', startKafkaClusterTopic],
])

async function run(start: StartOutlet, context: ScenarioContext): Promise<Outcome> {
  const kills = context.cycles ?? KILLS
  await using mysql = await startMysql({ gtid: true })
  await using outlet = await start()
  const { changes, verdict, deadLetters, secondsToHeal } = await killTarget(mysql, outlet, {
    kills,
    changes: context.changes ?? kills * CHANGES_PER_KILL,
    random: randomFrom(context.seed),
    watch: context.evidence.watch.bind(context.evidence),
  })
  return {
    fault: `${outlet.name} killed again and again`,
    runs: kills,
    changes,
    lost: verdict.lost.length,
    reordered: verdict.reordered.length,
    phantom: verdict.phantoms.length + verdict.changedIds.length,
    duplicates: verdict.duplicates,
    secondsToHeal,
    problems: deadLetters === 0 ? [] : [`${deadLetters} dead letters of a target that was only away`],
  }
}

export const scenarios: readonly Scenario[] = [...STARTS].map(([name, start]) => ({
  name: `kills-${name}`,
  group: 'targets',
  doc: `the server of ${name} killed with -9 and started again under load, ${KILLS} times (--cycles): nothing lost, all in order`,
  run: (context) => run(start, context),
}))
