import { startMysql } from '../../support/servers/mysql.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { killOnce } from '../targets/kafka-once-run.ts'

const KILLS = 100
const BROKER_EVERY = 3
const ROWS = 100
const CHANGES_PER_KILL = 1_000

async function run(context: ScenarioContext): Promise<Outcome> {
  const kills = context.cycles ?? KILLS
  await using mysql = await startMysql({ gtid: true })
  const { changes, verdict, deadLetters, brokerKills } = await killOnce(mysql, {
    kills,
    brokerEvery: BROKER_EVERY,
    rows: ROWS,
    changes: context.changes ?? kills * CHANGES_PER_KILL,
    random: randomFrom(context.seed),
    watch: context.evidence.watch.bind(context.evidence),
  })
  return {
    fault: 'kill -9 of BinGo and of the broker, exactlyOnce',
    runs: kills + brokerKills,
    changes,
    lost: verdict.lost.length,
    reordered: verdict.reordered.length,
    phantom: verdict.phantoms.length + verdict.changedIds.length,
    duplicates: verdict.duplicates,
    strayDuplicates: verdict.duplicates,
    secondsToHeal: null,
    notes: `${brokerKills} kills of the broker`,
    problems: deadLetters === 0 ? [] : [`${deadLetters} dead letters of a target that was only away`],
  }
}

export const scenario: Scenario = {
  name: 'kafka-exactly-once',
  group: 'targets',
  doc: `kill -9 of BinGo under load, ${KILLS} times (--cycles), every ${BROKER_EVERY}rd time of the broker too: a reader with read_committed sees each event once, in order`,
  run,
}
