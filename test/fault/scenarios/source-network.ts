import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../../support/daemon.ts'
import { randomFrom } from '../random.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { ENDINGS, HandshakeProxy } from '../../support/handshake-proxy.ts'
import { HEARTBEAT_MS, LOAD_MS, TITLES, toldNote, toldSourceLost, underLoad, withSourceRig } from '../source-rig.ts'
import type { Flavour, SourceRig } from '../source-rig.ts'

interface NetworkFault {
  readonly name: string
  readonly title: string
  readonly cycles: number
  make(rig: SourceRig, random: () => number): Promise<void>
  /** Code that the log has to show. */
  readonly code?: string
}

/** A flipped byte lies within what a loaded line carries in this many bytes. */
const FLIP_WITHIN = 50_000
const THIN_LINE_BYTES_PER_S = 100_000

/** Three are missed; the rest is what the watchdog's own looks may be late by before they count as its own absence. */
const MOST_SILENT_HEARTBEATS = 8

const reconnects = async ({ rig }: SourceRig): Promise<number> =>
  (await rig.daemon.metric('bingo_source_reconnects_total')) ?? 0

async function untilReconnecting(rig: SourceRig, before: number): Promise<void> {
  await eventually('the daemon has noticed', async () => (await reconnects(rig)) > before)
}

const FAULTS: readonly NetworkFault[] = [
  {
    name: 'cut',
    title: 'connection reset',
    cycles: 20,
    make: async ({ proxy }) => proxy.cut(),
  },
  {
    name: 'half-open',
    title: 'half-open: nothing comes, nothing is closed',
    cycles: 3,
    code: 'BINGO_SOURCE_SILENT',
    make: async (rig) => {
      const before = await reconnects(rig)
      rig.proxy.halfOpen = true
      await untilReconnecting(rig, before)
      await toldSourceLost(rig.rig)
      rig.proxy.strand()
      rig.proxy.halfOpen = false
    },
  },
  {
    name: 'flipped-byte',
    title: 'a byte flipped',
    cycles: 10,
    make: async (rig, random) => {
      const before = await reconnects(rig)
      rig.proxy.flipReplyByteAfter = Math.floor(random() * FLIP_WITHIN)
      // What is flipped may be an answer on the control connection, or a heartbeat's time, which breaks nothing.
      await eventually('the byte was flipped', () => rig.proxy.flipReplyByteAfter === null)
      await delay(LOAD_MS)
      if ((await reconnects(rig)) === before) rig.proxy.cut()
    },
  },
  {
    name: 'replies-dropped',
    title: 'replies dropped for 1 s',
    cycles: 5,
    make: async ({ proxy }) => {
      proxy.dropReplies = true
      await delay(2 * HEARTBEAT_MS)
      proxy.dropReplies = false
    },
  },
  {
    name: 'thin-line',
    title: `${THIN_LINE_BYTES_PER_S / 1_000} kB/s, then free again`,
    cycles: 1,
    make: async ({ rig, proxy }) => {
      proxy.replyBytesPerSecond = THIN_LINE_BYTES_PER_S
      await delay(4 * LOAD_MS)
      await toldNote(rig, 'BINGO_CATCHING_UP')
      proxy.replyBytesPerSecond = null
    },
  },
]

/** Packets of the server that pass before a login is spoilt: the greeting, the answers, the first questions. */
const MOST_LOGIN_PACKETS = 6

/** A server that spoils each login at every step, in every way, until it is itself again. */
async function refusals(context: ScenarioContext, flavour: Flavour): Promise<Outcome> {
  const steps = ENDINGS.flatMap((ending) =>
    Array.from({ length: MOST_LOGIN_PACKETS }, (_, packets) => ({ ending, packets })),
  )
  const random = randomFrom(context.seed)
  const chosen = steps.filter(() => random() < (context.cycles ?? steps.length) / steps.length)
  return withSourceRig(context, { flavour }, async (rig) => {
    await using spoiler = await HandshakeProxy.start(rig.rig.mysql)
    await underLoad(rig.rig, chosen.length, async (cycle) => {
      const before = spoiler.stopped
      Object.assign(spoiler, chosen[cycle])
      rig.proxy.repoint(spoiler)
      rig.proxy.cut()
      await eventually('logins were spoilt', () => spoiler.stopped >= before + 2)
      rig.proxy.repoint(rig.rig.mysql)
      rig.proxy.cut()
    })
    return await rig.rig.outcome(`source line: logins spoilt (${TITLES[flavour]})`, chosen.length, {
      notes: `${await reconnects(rig)} reconnects`,
    })
  })
}

/** The longest silence after which the daemon gave up a connection, by its own clock, in heartbeats. */
function longestSilence({ rig }: SourceRig): number {
  const silences = rig.daemon.log.lines.flatMap(({ code, reason = '' }) => {
    const ms = code === 'BINGO_SOURCE_SILENT' ? /for (\d+) ms/.exec(String(reason))?.[1] : undefined
    return ms === undefined ? [] : [Number(ms) / HEARTBEAT_MS]
  })
  return Math.max(0, ...silences)
}

/** What the log should tell and does not. */
async function untold(rig: SourceRig, faults: readonly NetworkFault[]): Promise<string[]> {
  const problems: string[] = []
  for (const { code } of faults) {
    if (code !== undefined) await rig.rig.daemon.says({ code }).catch(() => problems.push(`${code} not logged`))
  }
  const silence = longestSilence(rig)
  if (silence > MOST_SILENT_HEARTBEATS) problems.push(`a dead line was noticed after ${silence.toFixed(1)} heartbeats`)
  return problems
}

async function run(context: ScenarioContext, fault: NetworkFault): Promise<Outcome> {
  const cycles = context.cycles ?? fault.cycles
  const random = randomFrom(context.seed)
  return withSourceRig(context, {}, async (rig) => {
    await underLoad(rig.rig, cycles, () => fault.make(rig, random))
    const problems = await untold(rig, [fault])
    const silence = longestSilence(rig)
    const silent = silence === 0 ? '' : `, silent for ${silence.toFixed(1)} heartbeats at most`
    const notes = `${await reconnects(rig)} reconnects${silent}`
    return await rig.rig.outcome(`source line: ${fault.title}`, cycles, { notes, problems })
  })
}

/** One of each on one daemon: the short form for the tests. */
async function all(context: ScenarioContext): Promise<Outcome> {
  const random = randomFrom(context.seed)
  const faults = FAULTS.filter(({ name }) => name !== 'thin-line')
  return withSourceRig(context, {}, async (rig) => {
    await underLoad(rig.rig, faults.length, (cycle) => faults[cycle]!.make(rig, random))
    const problems = await untold(rig, faults)
    return await rig.rig.outcome('source line: cut, silent, flipped, with holes', faults.length, { problems })
  })
}

/** A server that would drop a reader after 2 s, and a target that stands still for longer. */
async function stalledReader(context: ScenarioContext): Promise<Outcome> {
  const serverArgs = ['--net-write-timeout=2', '--net-read-timeout=2']
  const daemon = { env: { BINGO_BUDGET: '64KiB', BINGO_SPOOL_MAX_BYTES: '1KiB' } }
  return withSourceRig(context, { serverArgs, daemon }, async (rig) => {
    await underLoad(rig.rig, context.cycles ?? 1, async () => {
      await rig.rig.redis.kill('SIGSTOP')
      await eventually('reading pauses', async () => (await rig.rig.daemon.metric('bingo_source_paused')) === 1)
      await toldNote(rig.rig, 'BINGO_BACK_PRESSURE')
      await delay(6_000)
      await rig.rig.redis.kill('SIGCONT')
    })
    const count = await reconnects(rig)
    const problems = count > 0 ? [`${count} reconnects: the server has dropped a paused reader`] : []
    // The answers that the target owed for commands sent before it stopped were given up.
    return await rig.rig.outcome('reader paused for longer than net_write_timeout', 1, { problems, explained: true })
  })
}

export const scenarios: readonly Scenario[] = [
  ...FAULTS.map((fault): Scenario => ({
    name: `source-line-${fault.name}`,
    group: 'source',
    doc: `the line to MySQL under load: ${fault.title}; no corrupt data reaches a target, and reading resumes`,
    run: (context) => run(context, fault),
  })),
  {
    name: 'source-line-all',
    group: 'source',
    doc: 'the line to MySQL under load: every fault of it once, one after the other',
    run: all,
  },
  ...(['mysql', 'mariadb'] as const).map((flavour): Scenario => ({
    name: `source-logins-${flavour}`,
    group: 'source',
    doc: `${TITLES[flavour]} refuses, garbles, cuts short or leaves unanswered each step of each login for a while: reading resumes`,
    run: (context) => refusals(context, flavour),
  })),
  {
    name: 'source-stalled-reader',
    group: 'source',
    doc: 'a target stalls for longer than the net_write_timeout of the server: the connection survives',
    run: stalledReader,
  },
]
