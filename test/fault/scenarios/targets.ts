import { startMysql } from '../../support/servers/mysql.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { OUTLETS } from '../targets/all.ts'
import { breakTarget } from '../targets/break-run.ts'
import type { StartOutlet } from '../targets/outlet.ts'

const LONG = { how: 'kill', changes: 100_000, rows: 1_000, pauseMs: 0, downMs: 20_000 } as const

async function run(name: string, startOutlet: StartOutlet, context: ScenarioContext): Promise<Outcome> {
  await using mysql = await startMysql({ gtid: true })
  await using outlet = await startOutlet()
  const changes = context.changes ?? LONG.changes
  const result = await breakTarget(mysql, outlet, { ...LONG, changes })
  const { verdict, deliveredBefore, deadLetters, peakRssMb } = result
  await context.evidence.write(`${name}.json`, JSON.stringify(result, null, 1))
  return {
    fault: `${outlet.name} away for ${LONG.downMs / 1_000} s`,
    runs: 1,
    changes: result.changes,
    lost: verdict.lost.length,
    reordered: verdict.reordered.length,
    phantom: verdict.phantoms.length + verdict.changedIds.length,
    duplicates: verdict.duplicates,
    secondsToHeal: result.secondsToHeal,
    notes: `killed after ${deliveredBefore.toLocaleString('en-US')}, peak RSS ${Math.round(peakRssMb)} MB`,
    problems: deadLetters === 0 ? [] : [`${deadLetters} dead letters of a target that was only down`],
  }
}

export const scenarios: readonly Scenario[] = [...OUTLETS].map(([name, startOutlet]) => ({
  name: `target-${name}`,
  group: 'targets',
  doc: `${name === 'log' ? 'the log’s disk full' : `the server of ${name} killed with -9`} under load for 20 s: nothing lost, all in order`,
  run: (context) => run(name, startOutlet, context),
}))
