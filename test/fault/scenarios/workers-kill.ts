import { setTimeout as delay } from 'node:timers/promises'
import type { Daemon } from '../../support/daemon.ts'
import { Fleet } from '../../support/scale/fleet.ts'
import { startKafka } from '../../support/servers/kafka.ts'
import { startMariadb } from '../../support/servers/mariadb.ts'
import { startMysql } from '../../support/servers/mysql.ts'
import { startNats } from '../../support/servers/nats.ts'
import { startPostgres } from '../../support/servers/postgres.ts'
import { startRedis } from '../../support/servers/redis.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const WORKERS = 3
const CYCLES = 40
/** Between two kills, at most. */
const MOST_WAIT_MS = 3_000
/** It is away for so long before it is started again. */
const AWAY_MS = 500
/** Of so many kills one is of the server that changes go through. */
const SERVER_EVERY = 8
const HEAL_TIMEOUT_MS = 300_000
/** What a run over many changes (--changes) may be behind when the kills end. */
const HEAL_MS_PER_CHANGE = 6
const WRITE_PAUSE_MS = 3
/** Of a run over many changes, in one go. */
const MANY_AT_ONCE = 5

export const KINDS = ['redis', 'nats', 'kafka'] as const
type Kind = (typeof KINDS)[number]

/** Servers that may have the state instead of a Redis: then they are what is killed. */
const STATE_SERVERS = { postgres: startPostgres, mysql: startMysql, mariadb: startMariadb } as const
type State = keyof typeof STATE_SERVERS
export const STATES = Object.keys(STATE_SERVERS) as State[]

async function startLog(kind: Kind) {
  switch (kind) {
    case 'redis': {
      const server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
      return { server, through: `${server.url}/1` }
    }
    case 'nats': {
      const server = await startNats({ config: 'jetstream: {sync_interval: always}' })
      return { server, through: `${server.url}/changes` }
    }
    case 'kafka': {
      const server = await startKafka()
      return { server, through: `kafka://127.0.0.1:${server.port}/changes` }
    }
  }
}

/** With an empty database. */
async function startState(kind: State) {
  const server = await STATE_SERVERS[kind]()
  if ('query' in server) await server.query('CREATE DATABASE state')
  return {
    server,
    url: 'query' in server ? Object.assign(new URL(server.url), { pathname: '/state' }).href : server.url,
  }
}

async function run(context: ScenarioContext, kind: Kind, kept?: State): Promise<Outcome> {
  const { changes: wanted = 0 } = context
  const cycles = context.cycles ?? (wanted === 0 ? CYCLES : 0)
  const random = randomFrom(context.seed)
  await using stack = new AsyncDisposableStack()
  const [mysql, redis, log] = await Promise.all([startMysql({ gtid: true }), startRedis({}), startLog(kind)])
  for (const server of [mysql, redis, log.server]) stack.defer(() => server.stop())
  const state = kept === undefined ? undefined : await startState(kept)
  if (state !== undefined) stack.defer(() => state.server.stop())
  const victim = state?.server ?? log.server
  const fleet = stack.use(
    await Fleet.prepare({ mysql, redis, name: 'fleet', through: log.through, ...(state && { state: state.url }) }),
  )
  const reader = await fleet.start('reader')
  const workers = await Promise.all(Array.from({ length: WORKERS }, () => fleet.start('worker')))
  const stop = new AbortController()
  const writing = (async () => {
    while (!stop.signal.aborted) {
      await fleet.write(wanted === 0 ? 1 : MANY_AT_ONCE)
      await delay(WRITE_PAUSE_MS)
    }
  })()
  let cycle = 0
  for (; cycle < cycles || fleet.changes < wanted; cycle++) {
    await delay(500 + random() * MOST_WAIT_MS)
    if (cycle % SERVER_EVERY === SERVER_EVERY - 1) {
      await victim.kill()
      await delay(AWAY_MS)
      await victim.restart()
    } else {
      const killed: Daemon = cycle % 3 === 1 ? reader : workers[Math.floor(random() * WORKERS)]!
      await killed.stop('SIGKILL')
      await delay(AWAY_MS)
      killed.spawn()
    }
    context.progress(`${cycle + 1} kills, ${fleet.changes} changes`)
  }
  stop.abort()
  await writing
  const from = performance.now()
  await fleet.allArrived(HEAL_TIMEOUT_MS + wanted * HEAL_MS_PER_CHANGE).catch(() => undefined)
  const secondsToHeal = (performance.now() - from) / 1_000
  const { lost, disordered, phantoms, repeated } = fleet.verdict()
  for (const daemon of fleet.daemons) context.evidence.watch(daemon)
  await context.evidence.logs()
  return {
    fault: `a reader and ${WORKERS} workers through ${kind}${kept === undefined ? '' : ` with state in ${kept}`}, killed one after the other`,
    runs: cycle,
    changes: fleet.changes,
    lost: lost.length,
    reordered: disordered.length,
    phantom: phantoms.length,
    duplicates: repeated.length,
    secondsToHeal,
    notes: [...disordered.slice(0, 5), ...lost.slice(0, 5)].join(', '),
  }
}

const throughAll = KINDS.map((kind): Scenario => ({
  name: `workers-kill-${kind}`,
  group: 'standby',
  doc: `a reader and ${WORKERS} workers through ${kind}; one of them is killed every few seconds, at times the server: nothing lost, order per key, also of keys that change`,
  run: (context) => run(context, kind),
}))

export function workersKill(kind: Kind, kept: State): Scenario {
  return {
    name: `workers-kill${kind === 'redis' ? '' : `-${kind}`}-state-${kept}`,
    group: 'standby',
    doc: `as workers-kill-${kind}, with positions, leases and what waits in ${kept}, which is killed at times`,
    run: (context) => run(context, kind, kept),
  }
}

const stateInAll = KINDS.flatMap((kind) => STATES.map((kept) => workersKill(kind, kept)))

export const scenarios: readonly Scenario[] = [...throughAll, ...stateInAll]
