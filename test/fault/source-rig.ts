import { setTimeout as delay } from 'node:timers/promises'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { eventually } from '../support/daemon.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { Rig } from './rig.ts'
import type { RigOptions } from './rig.ts'
import type { ScenarioContext } from './scenario.ts'

export type Flavour = SqlServer['flavour']

export const TITLES: { readonly [F in Flavour]: string } = { mysql: 'MySQL', mariadb: 'MariaDB' }

/** Short, so that a silent line is noticed within the patience of whoever waits for the run. */
export const HEARTBEAT_MS = 500

/** A daemon that reads from one server through a proxy, and notices quickly what is wrong with the line. */
export interface SourceRig {
  readonly rig: Rig
  readonly proxy: TcpProxy
}

export async function withSourceRig<T>(
  context: ScenarioContext,
  {
    flavour = 'mysql',
    serverArgs = [],
    ...options
  }: RigOptions & { flavour?: Flavour; serverArgs?: readonly string[] },
  work: (rig: SourceRig) => Promise<T>,
): Promise<T> {
  await using stack = new AsyncDisposableStack()
  const database = await (flavour === 'mysql'
    ? startMysql({ gtid: true, args: serverArgs })
    : startMariadb({ args: serverArgs }))
  stack.use(database)
  const proxy = stack.use(await TcpProxy.start(database))
  const rig = await Rig.start(context, {
    ...options,
    database: async () => database,
    daemon: {
      sourceUrl: `mysql://root@127.0.0.1:${proxy.port}`,
      env: {
        BINGO_SOURCE_HEARTBEAT: `${HEARTBEAT_MS}ms`,
        BINGO_SOURCE_CONNECT_TIMEOUT: '2s',
        BINGO_SOURCE_QUERY_TIMEOUT: '2s',
        BINGO_SOURCE_RECONNECT_MAX: '500ms',
        ...options.daemon?.env,
      },
    },
  })
  stack.use(rig)
  return await work({ rig, proxy })
}

/** Load before and behind a fault, at least. */
export const LOAD_MS = 700
const LOAD_TRANSACTIONS = 150

export async function underLoad(rig: Rig, cycles: number, fault: (cycle: number) => Promise<void>): Promise<void> {
  rig.writer.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await load(rig)
    await fault(cycle)
  }
  await load(rig)
  await rig.daemon.ready()
}

export async function load({ writer }: Rig): Promise<void> {
  await Promise.all([delay(LOAD_MS), writer.writes(LOAD_TRANSACTIONS)])
}

/** Waits until readiness, and the metrics with it, say that the source is away; to be asked while it is. */
export async function toldSourceLost({ daemon }: Rig): Promise<void> {
  await eventually('/readyz reports the source as unavailable', async () => {
    const reasons = await daemon.reasons()
    if (!reasons.includes('BINGO_SOURCE_DISCONNECTED')) return false
    return (await daemon.metric('bingo_source_connected')) === 0 && (await daemon.metric('bingo_ready')) === 0
  })
}

/** Waits until `/readyz` notes it: something unusual that takes care of itself. */
export async function toldNote({ daemon }: Rig, code: string): Promise<void> {
  await eventually(`/readyz notes ${code}`, async () => (await daemon.get('/readyz')).text.includes(code))
}
