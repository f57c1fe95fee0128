import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { usageOf } from '../../bench/process-usage.ts'
import { randomFrom } from '../random.ts'
import { redisStreamRules } from '../recorders/redis-stream.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'
import { checkpointUrl, Rig } from '../rig.ts'
import type { RigServers } from '../rig.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const MINUTES = 60
const SAMPLE_MS = 1_000
/** Rest between two faults, seconds. */
const MIN_REST_S = 3
const MAX_REST_S = 12
/** A server is away for so long, at most. */
const MAX_AWAY_MS = 4_000
/** The last process lives for this part of the run, so that its memory can be followed. */
const LAST_LIFE = 0.5
/** Growth of the highest memory from one quarter to the next that chance explains. */
const GROWTH = 1.15
const GROWTH_MB = 20
/** In a shorter run the heap is still finding its size. */
const MIN_JUDGED_MS = 10 * 60_000

interface Proxies {
  readonly mysqlProxy: TcpProxy
  readonly redisProxy: TcpProxy
}

/** Slow enough for an hour of history to be kept and judged. */
const WRITER = { sessions: 4, keys: 200, pauseMs: 25, ddlPauseMs: 10_000 }

interface Broken extends Proxies {
  readonly rig: Rig
  readonly random: () => number
}

type Fault = (broken: Broken) => Promise<void>

/** None of them ends the daemon. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'Redis killed': async ({ rig, random }) => {
    await rig.redis.kill('SIGKILL')
    await delay(random() * MAX_AWAY_MS)
    await rig.redis.restart()
  },
  'Redis paused': async ({ rig, random }) => {
    await rig.redis.kill('SIGSTOP')
    await delay(random() * MAX_AWAY_MS)
    await rig.redis.kill('SIGCONT')
  },
  'MySQL stopped': async ({ rig }) => rig.mysql.restart(),
  'MySQL killed': async ({ rig, random }) => {
    await rig.mysql.kill('SIGKILL')
    await delay(random() * MAX_AWAY_MS)
    await rig.mysql.restart()
  },
  'connections cut': async ({ mysqlProxy, redisProxy, random }) => {
    if (random() < 0.7) mysqlProxy.cut()
    if (random() < 0.7) redisProxy.cut()
  },
  'replies dropped': async ({ redisProxy, random }) => {
    redisProxy.dropReplies = true
    await delay(random() * MAX_AWAY_MS)
    redisProxy.dropReplies = false
    redisProxy.cut()
  },
  'rules reloaded': async ({ rig, random }) => {
    const rules = redisStreamRules()
    await writeFile(rig.daemon.rulesFile, random() < 0.5 ? rules.slice(0, rules.length / 2) : `${rules}# ${random()}\n`)
    await delay(1_000)
    await writeFile(rig.daemon.rulesFile, rules)
  },
}

async function run(context: ScenarioContext): Promise<Outcome> {
  const lengthMs = (context.minutes ?? MINUTES) * 60_000
  const random = randomFrom(context.seed)
  await using stack = new AsyncDisposableStack()
  const proxies = {} as Proxies
  await using rig = await Rig.start(context, {
    daemonFor: (servers) => startProxies(servers, proxies, stack),
    redisArgs: ['--appendonly', 'yes', '--appendfsync', 'always'],
    writer: WRITER,
  })
  const memory = new MemoryLog(rig)
  const begun = performance.now()
  const counts = new Map<string, number>()
  rig.writer.start()
  while (performance.now() - begun < lengthMs) {
    await delay((MIN_REST_S + random() * (MAX_REST_S - MIN_REST_S)) * 1_000)
    const mayKill = performance.now() - begun < lengthMs * (1 - LAST_LIFE)
    const name = mayKill && random() < 0.15 ? await killed(rig) : await broken({ ...proxies, rig, random })
    counts.set(name, (counts.get(name) ?? 0) + 1)
    context.progress(`${Math.round((performance.now() - begun) / 1_000)} s: ${name}, ${memory.last} MB`)
    await rig.daemon.ready()
  }
  const samples = memory.end()
  await context.evidence.write('memory.json', JSON.stringify(samples))
  const [third, fourth] = quarters(samples)
  const grows = lengthMs >= MIN_JUDGED_MS && fourth > third * GROWTH + GROWTH_MB
  const problems = grows ? [`memory grows: ${third} MB, then ${fourth} MB`] : []
  const runs = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const kinds = [...counts].map(([name, count]) => `${count} × ${name}`).join(', ')
  return await rig.outcome('mixed faults', runs, {
    problems,
    explained: true,
    notes: `highest memory ${Math.max(...samples)} MB, in the last quarters ${third} and ${fourth} MB; ${kinds}`,
  })
}

async function killed(rig: Rig): Promise<string> {
  await rig.kill()
  rig.daemon.spawn()
  return 'kill -9'
}

async function broken(what: Broken): Promise<string> {
  const names = Object.keys(FAULTS)
  const name = names[Math.floor(what.random() * names.length)]!
  await FAULTS[name]!(what)
  return name
}

/** Leads the daemon through proxies: one before MySQL, one before Redis. */
async function startProxies({ mysql, redis }: RigServers, proxies: Proxies, stack: AsyncDisposableStack) {
  const mysqlProxy = stack.use(await TcpProxy.start(mysql))
  const redisProxy = stack.use(await TcpProxy.start(redis))
  Object.assign(proxies, { mysqlProxy, redisProxy })
  const redisUrl = `redis://127.0.0.1:${redisProxy.port}`
  return {
    sourceUrl: mysql.url.replace(/:\d+$/, `:${mysqlProxy.port}`),
    env: { BINGO_REDIS_URL: redisUrl, BINGO_CHECKPOINT_STORE: checkpointUrl({ url: redisUrl }) },
  }
}

/** Highest of the third and the fourth quarter: one life of one process. */
function quarters(samples: readonly number[]): readonly [number, number] {
  const quarter = Math.floor(samples.length / 4)
  return [Math.max(...samples.slice(2 * quarter, 3 * quarter)), Math.max(...samples.slice(3 * quarter))]
}

/** Resident memory of the daemon, MB, once a second. */
class MemoryLog {
  last = 0
  private readonly samples: number[] = []
  private readonly timer: NodeJS.Timeout

  constructor(rig: Rig) {
    this.timer = setInterval(() => {
      try {
        this.last = Math.round(usageOf(rig.daemon.pid).rssMb)
        this.samples.push(this.last)
      } catch {
        // Between two lives.
      }
    }, SAMPLE_MS)
  }

  end(): readonly number[] {
    clearInterval(this.timer)
    return this.samples
  }
}

export const scenario: Scenario = {
  name: 'soak-mixed',
  group: 'soak',
  doc: 'kills, restarts, cuts, lost replies, DDL and reloads for an hour (--minutes): flat memory',
  run,
}
