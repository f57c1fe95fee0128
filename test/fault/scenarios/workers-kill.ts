import { setTimeout as delay } from 'node:timers/promises'
import type { Daemon } from '../../support/daemon.ts'
import { Fleet } from '../../support/scale/fleet.ts'
import { startKafka } from '../../support/servers/kafka.ts'
import { startMysql } from '../../support/servers/mysql.ts'
import { startNats } from '../../support/servers/nats.ts'
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

const KINDS = ['redis', 'nats', 'kafka'] as const
type Kind = (typeof KINDS)[number]

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

async function run(context: ScenarioContext, kind: Kind): Promise<Outcome> {
  const cycles = context.cycles ?? CYCLES
  const random = randomFrom(context.seed)
  await using stack = new AsyncDisposableStack()
  const [mysql, redis, log] = await Promise.all([startMysql({ gtid: true }), startRedis({}), startLog(kind)])
  for (const server of [mysql, redis, log.server]) stack.defer(() => server.stop())
  const fleet = stack.use(await Fleet.prepare({ mysql, redis, name: 'fleet', through: log.through }))
  const reader = await fleet.start('reader')
  const workers = await Promise.all(Array.from({ length: WORKERS }, () => fleet.start('worker')))
  const stop = new AbortController()
  const writing = (async () => {
    while (!stop.signal.aborted) {
      await fleet.write(1)
      await delay(3)
    }
  })()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await delay(500 + random() * MOST_WAIT_MS)
    if (cycle % SERVER_EVERY === SERVER_EVERY - 1) {
      await log.server.kill()
      await delay(AWAY_MS)
      await log.server.restart()
    } else {
      const killed: Daemon = cycle % 3 === 1 ? reader : workers[Math.floor(random() * WORKERS)]!
      await killed.stop('SIGKILL')
      await delay(AWAY_MS)
      killed.spawn()
    }
    context.progress(`${cycle + 1} of ${cycles} kills, ${fleet.changes} changes`)
  }
  stop.abort()
  await writing
  const from = performance.now()
  await fleet.allArrived(HEAL_TIMEOUT_MS).catch(() => undefined)
  const secondsToHeal = (performance.now() - from) / 1_000
  const { lost, disordered, phantoms, repeated } = fleet.verdict()
  for (const daemon of fleet.daemons) context.evidence.watch(daemon)
  await context.evidence.logs()
  return {
    fault: `a reader and ${WORKERS} workers through ${kind}, killed one after the other`,
    runs: cycles,
    changes: fleet.changes,
    lost: lost.length,
    reordered: disordered.length,
    phantom: phantoms.length,
    duplicates: repeated.length,
    secondsToHeal,
    notes: [...lost, ...disordered].slice(0, 5).join(' '),
  }
}

export const scenarios: readonly Scenario[] = KINDS.map((kind) => ({
  name: `workers-kill-${kind}`,
  group: 'standby',
  doc: `a reader and ${WORKERS} workers through ${kind}; one of them is killed every few seconds, at times the server: nothing lost, order per key, also of keys that change`,
  run: (context) => run(context, kind),
}))
