import { setTimeout as delay } from 'node:timers/promises'
import type { SqlServer } from '../../support/servers/mysql.ts'
import type { Rig } from '../rig.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { type Flavour, TITLES, toldSourceLost, underLoad, withSourceRig } from '../source-rig.ts'

interface ServerFault {
  readonly name: string
  /** For the table, behind the server's name. */
  readonly title: string
  readonly cycles: number
  make(rig: Rig): Promise<void>
}

const BETWEEN_KILLS_MS = 2_000

async function killDumpThreads(server: SqlServer): Promise<void> {
  for (const { Id, Command } of await server.query<{ Id: number; Command: string }>('SHOW PROCESSLIST')) {
    if (!Command.startsWith('Binlog Dump')) continue
    // It may have ended by itself in between.
    await server.query(`KILL ${Id}`).catch(() => undefined)
  }
}

async function restart(rig: Rig, signal: NodeJS.Signals): Promise<void> {
  await rig.mysql.kill(signal)
  await toldSourceLost(rig)
  await rig.mysql.restart()
}

const FAULTS: readonly ServerFault[] = [
  {
    name: 'dump-killed',
    title: 'dump thread killed every 2 s',
    cycles: 10,
    make: async ({ mysql }) => {
      await killDumpThreads(mysql)
      await delay(BETWEEN_KILLS_MS)
    },
  },
  {
    name: 'restart-term',
    title: 'stopped by TERM and started again',
    cycles: 3,
    make: (rig) => restart(rig, 'SIGTERM'),
  },
  {
    name: 'restart-kill',
    title: 'killed with -9 and started again',
    cycles: 5,
    make: (rig) => restart(rig, 'SIGKILL'),
  },
]

async function run(context: ScenarioContext, flavour: Flavour, fault: ServerFault): Promise<Outcome> {
  const cycles = context.cycles ?? fault.cycles
  // A server that is killed (not its machine) keeps what it has written; MariaDB does not sync its binlog by default.
  return withSourceRig(context, { flavour, serverArgs: ['--sync-binlog=1'] }, async ({ rig }) => {
    await underLoad(rig, cycles, () => fault.make(rig))
    const reconnects = await rig.daemon.metric('bingo_source_reconnects_total')
    const problems = reconnects === undefined || reconnects < cycles ? [`only ${reconnects} reconnects`] : []
    return await rig.outcome(`${TITLES[flavour]} ${fault.title}`, cycles, {
      notes: `${reconnects} reconnects`,
      problems,
    })
  })
}

export const scenarios: readonly Scenario[] = (['mysql', 'mariadb'] as const).flatMap((flavour) =>
  FAULTS.map((fault) => ({
    name: `source-${fault.name}-${flavour}`,
    group: 'source' as const,
    doc: `${TITLES[flavour]} under load: ${fault.title}; BinGo reconnects at the last boundary`,
    run: (context: ScenarioContext) => run(context, flavour, fault),
  })),
)
