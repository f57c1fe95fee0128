import { setTimeout as delay } from 'node:timers/promises'
import { bingo as runCommand } from '../../integration/cli-process.ts'
import { brokerDaemon, listOf } from '../../support/broker-daemon.ts'
import { ENGINES, type Engine } from '../../support/broker-house.ts'
import { NumberedPublisher, startPublished } from '../../support/broker-publishers.ts'
import { besides, eventually, type Daemon } from '../../support/daemon.ts'
import { startRedis } from '../../support/servers/redis.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const CYCLES = 40
const KEYS = 24
const PUBLISHERS = 4
const POISON_EVERY = 97
const PAUSE_MS = 5
const MOST_WAIT_MS = 2_500
const AWAY_MS = 500
const HEAL_TIMEOUT_MS = 300_000
/** Of so many faults the first is of the broker, and the second a clean stop: what is read moves to the other instance. */
const KINDS = 4

const RULES = `rules:
  - {id: seen, on: "**", actions: [{type: redis, cmd: RPUSH, key: seen, value: "{{key}}:{{payload.n}}"}]}
`

async function run(context: ScenarioContext, engine: Engine): Promise<Outcome> {
  const { seed, changes: wanted = 0, evidence, progress } = context
  const cycles = context.cycles ?? (wanted === 0 ? CYCLES : 0)
  const random = randomFrom(seed)
  await using stack = new AsyncDisposableStack()
  const [redis, broker] = await Promise.all([startRedis({ args: ['--appendonly', 'yes'] }), startPublished(engine)])
  stack.defer(() => redis.stop())
  stack.defer(() => broker.server.stop())
  stack.defer(() => broker.close())
  const entry = `{name: orders, ${broker.reads}, format: json, from: earliest}`
  const daemons: Daemon[] = []
  for (const name of ['first', 'second']) {
    const env = { BINGO_NAME: name, BINGO_CHECKPOINT_INTERVAL: '50ms' }
    const daemon = stack.use(await brokerDaemon(entry, RULES, redis, env))
    evidence.watch(daemon)
    daemons.push(daemon)
    daemon.spawn()
  }
  const publisher = new NumberedPublisher(broker, KEYS)
  publisher.start(PUBLISHERS, POISON_EVERY, PAUSE_MS)
  let cycle = 0
  for (; cycle < cycles || publisher.total < wanted; cycle++) {
    await delay(300 + random() * MOST_WAIT_MS)
    if (cycle % KINDS === 0) {
      await broker.server.kill()
      await delay(AWAY_MS)
      await broker.server.restart()
    } else {
      const daemon = daemons[Math.floor(random() * daemons.length)]!
      await daemon.stop(cycle % KINDS === 1 ? 'SIGTERM' : 'SIGKILL')
      await delay(random() * AWAY_MS)
      daemon.spawn()
    }
    progress(`${cycle + 1} faults, ${publisher.total} records`)
  }
  await publisher.stop()
  const from = performance.now()
  const missing = async (): Promise<readonly string[]> => judged(publisher, await listOf(redis, 'seen')).lost
  await eventually('everything has arrived', async () => (await missing()).length === 0, HEAL_TIMEOUT_MS).catch(
    () => undefined,
  )
  const poisonLetters = async (): Promise<number> => (await Promise.all(daemons.map(lettersOf))).reduce((a, b) => a + b)
  await eventually('all poison is a dead letter', async () => (await poisonLetters()) >= publisher.poison).catch(
    () => undefined,
  )
  const secondsToHeal = (performance.now() - from) / 1_000
  const letters = await poisonLetters()
  await evidence.logs()
  const { lost, reordered, phantom, duplicates } = judged(publisher, await listOf(redis, 'seen'))
  return {
    fault: `two instances read ${engine} while others publish: kills of them and of the broker, and clean stops`,
    runs: cycle,
    changes: publisher.total,
    lost: lost.length,
    reordered: reordered.length,
    phantom,
    duplicates,
    secondsToHeal,
    notes: `${publisher.poison} unreadable records, ${letters} dead letters ${[...lost, ...reordered].slice(0, 5).join(' ')}`,
    problems: letters < publisher.poison ? ['an unreadable record is no dead letter'] : [],
  }
}

function judged({ numbers }: NumberedPublisher, arrivals: readonly string[]) {
  const newest = new Map<string, number>()
  const seen = new Set<string>()
  const reordered: string[] = []
  let duplicates = 0
  let phantom = 0
  for (const arrival of arrivals) {
    if (seen.has(arrival)) {
      duplicates += 1
      continue
    }
    seen.add(arrival)
    const [key = '', text] = arrival.split(':')
    const n = Number(text)
    // The next one may be on its way.
    if (!(n >= 1 && n <= (numbers.get(key) ?? 0) + 1)) phantom += 1
    if (n < (newest.get(key) ?? 0)) reordered.push(arrival)
    newest.set(key, Math.max(newest.get(key) ?? 0, n))
  }
  const all = [...numbers].flatMap(([key, count]) => Array.from({ length: count }, (_, i) => `${key}:${i + 1}`))
  return { lost: all.filter((each) => !seen.has(each)), reordered, phantom, duplicates }
}

async function lettersOf(daemon: Daemon): Promise<number> {
  const { stdout } = await runCommand(['dead-letters', 'list', '--json'], { env: besides(daemon) })
  return stdout.split('\n').filter((line) => line.includes('source orders')).length
}

export const scenarios: readonly Scenario[] = ENGINES.map((engine) => ({
  name: `broker-source-kill-${engine}`,
  group: 'kill',
  doc: `two instances read ${engine} while others publish; kills of BinGo and of the broker, clean stops, unreadable records: nothing lost, order per key, no part that stops`,
  run: (context) => run(context, engine),
}))
