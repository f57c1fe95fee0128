import { startMysql } from '../../support/servers/mysql.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { OUTLETS } from '../targets/all.ts'
import { outcomeOf } from '../targets/break-outcome.ts'
import { breakTarget } from '../targets/break-run.ts'

const HEAP_MB = 128
const STALL_MS = 180_000
/** Spread over about the stall. */
const LOAD = { changes: 200_000, rows: 1_000, pauseMs: 30 }
const MAX_RSS_MB = 600

async function run(name: string, context: ScenarioContext): Promise<Outcome> {
  await using mysql = await startMysql({ gtid: true })
  await using outlet = await OUTLETS.get(name)!()
  const result = await breakTarget(mysql, outlet, {
    ...LOAD,
    changes: context.changes ?? LOAD.changes,
    watch: context.evidence.watch.bind(context.evidence),
    how: 'stall',
    downMs: context.minutes === undefined ? STALL_MS : context.minutes * 60_000,
    nodeArgs: [`--max-old-space-size=${HEAP_MB}`],
  })
  const tooMuch = result.peakRssMb < MAX_RSS_MB ? [] : [`peak RSS over ${MAX_RSS_MB} MB`]
  return await outcomeOf(context, `${outlet.name} stopped, heap of ${HEAP_MB} MB`, result, tooMuch)
}

export const scenarios: readonly Scenario[] = ['redis-list', 'webhook', 'grpc', 'kafka', 'nats', 'rabbitmq', 'sql'].map(
  (name) => ({
    name: `stalled-${name}`,
    group: 'resources',
    doc: `${name} stopped for three minutes (--minutes) under load, with a heap of ${HEAP_MB} MB: memory bounded, nothing lost`,
    run: (context) => run(name, context),
  }),
)
