import { startMysql } from '../../support/servers/mysql.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { OUTLETS } from '../targets/all.ts'
import { outcomeOf } from '../targets/break-outcome.ts'
import { breakTarget } from '../targets/break-run.ts'
import type { Breakdown, Outlet, StartOutlet } from '../targets/outlet.ts'
import { overLine } from '../targets/over-line.ts'

const LOAD = { rows: 1_000, pauseMs: 0, downMs: 20_000 } as const

interface Fault {
  readonly start: () => Promise<Outlet>
  readonly how: Breakdown
  readonly changes: number
}

async function run(fault: Fault, context: ScenarioContext): Promise<Outcome> {
  await using mysql = await startMysql({ gtid: true })
  await using outlet = await fault.start()
  const changes = context.changes ?? fault.changes
  const watch = context.evidence.watch.bind(context.evidence)
  const result = await breakTarget(mysql, outlet, { ...LOAD, how: fault.how, changes, watch })
  return await outcomeOf(context, `${outlet.name} away for ${LOAD.downMs / 1_000} s`, result)
}

function killed([name, start]: [string, StartOutlet]): Scenario {
  return {
    name: `target-${name}`,
    group: 'targets',
    doc: `${name === 'log' ? 'the log’s disk full' : `the server of ${name} killed with -9`} under load for 20 s: nothing lost, all in order`,
    run: (context) => run({ start, how: 'kill', changes: 100_000 }, context),
  }
}

function halfOpen([name, start]: [string, StartOutlet]): Scenario {
  return {
    name: `half-open-${name}`,
    group: 'targets',
    doc: `the line to ${name} goes dead for 20 s under load, and its connections are never closed: new ones are made, nothing lost`,
    run: (context) => run({ start: () => overLine(start), how: 'half-open', changes: 20_000 }, context),
  }
}

export const scenarios: readonly Scenario[] = [
  ...[...OUTLETS].map(killed),
  ...[...OUTLETS].filter(([name]) => name !== 'log').map(halfOpen),
]
