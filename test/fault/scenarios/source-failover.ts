import { setTimeout as delay } from 'node:timers/promises'
import { startMariadb } from '../../support/servers/mariadb.ts'
import { startMysql } from '../../support/servers/mysql.ts'
import type { SqlServer } from '../../support/servers/mysql.ts'
import { follow, promote, replicate, replicated } from '../../support/servers/replication.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'
import { toldSourceLost } from '../source-rig.ts'
import { Rig } from '../rig.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const CYCLES = 4
const LIFE_MS = 1_500
const LIFE_TRANSACTIONS = 150

type Flavour = SqlServer['flavour']

const TITLES: { readonly [F in Flavour]: string } = { mysql: 'MySQL', mariadb: 'MariaDB' }

function start(flavour: Flavour, serverId: number): Promise<SqlServer> {
  if (flavour === 'mysql') return startMysql({ gtid: true, serverId })
  return startMariadb({ serverId, args: ['--log-slave-updates=ON', '--gtid-strict-mode=ON'] })
}

/** Two servers of which one is the primary at a time; roles change when the primary is killed. */
class Pair implements AsyncDisposable {
  primary: SqlServer
  replica: SqlServer

  constructor(primary: SqlServer, replica: SqlServer) {
    this.primary = primary
    this.replica = replica
  }

  static async start(flavour: Flavour): Promise<Pair> {
    const [primary, replica] = await Promise.all([start(flavour, 1), start(flavour, 2)])
    await replicate(primary, replica)
    return new Pair(primary, replica)
  }

  /**
   * kill -9 of the primary under load. Commits stand still for a moment before, until the replica has them all: what only
   * the dead server knew would be lost to its applications as well.
   */
  async failOver(whileAway: () => Promise<void>): Promise<void> {
    await this.primary.query('FLUSH TABLES WITH READ LOCK')
    await replicated(this.primary, this.replica)
    await this.primary.kill('SIGKILL')
    await whileAway()
    await promote(this.replica)
    ;[this.primary, this.replica] = [this.replica, this.primary]
  }

  /** The server that was killed comes back as a replica of the other. */
  async comeBack(): Promise<void> {
    await this.replica.restart()
    await follow(this.primary, this.replica)
    await replicated(this.primary, this.replica)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.primary.stop(), this.replica.stop()])
  }
}

interface Setup {
  readonly flavour: Flavour
  /** `hosts`: BinGo knows both servers; `address`: one address that is moved. */
  readonly by: 'hosts' | 'address'
}

async function run(context: ScenarioContext, { flavour, by }: Setup): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  await using pair = await Pair.start(flavour)
  const { primary: first, replica: second } = pair
  await using proxy = await TcpProxy.start(first)
  await using rig = await Rig.start(context, {
    database: async () => first,
    writer: { connect: () => pair.primary.connect() },
    daemon: {
      sourceUrl: `mysql://root@127.0.0.1:${proxy.port}`,
      env:
        by === 'hosts' ? { BINGO_SOURCE_HOSTS: [first, second].map(({ port }) => `127.0.0.1:${port}`).join(',') } : {},
    },
  })
  rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await Promise.all([delay(LIFE_MS), rig.writer.writes(LIFE_TRANSACTIONS)])
    // Where BinGo knows both, it may be reading from the other already.
    await pair.failOver(() => (by === 'address' ? toldSourceLost(rig) : Promise.resolve()))
    proxy.repoint(pair.primary)
    proxy.cut()
    await Promise.all([delay(LIFE_MS), rig.writer.writes(LIFE_TRANSACTIONS)])
    if (cycle < cycles - 1) await pair.comeBack()
  }
  const title = by === 'hosts' ? 'source.hosts' : 'the address is moved'
  return await rig.outcome(`${TITLES[flavour]}: primary killed, ${title}`, cycles)
}

function scenario(setup: Setup): Scenario {
  const how = setup.by === 'hosts' ? 'BinGo knows both servers' : 'its address is moved'
  return {
    name: `source-failover-${setup.flavour}-${setup.by}`,
    group: 'source',
    doc: `the ${TITLES[setup.flavour]} primary is killed under load and its replica takes over by GTID; ${how}`,
    run: (context) => run(context, setup),
  }
}

export const scenarios: readonly Scenario[] = (['mysql', 'mariadb'] as const).flatMap((flavour) =>
  (['hosts', 'address'] as const).map((by) => scenario({ flavour, by })),
)
