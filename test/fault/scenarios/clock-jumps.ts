import { Daemon, eventually } from '../../support/daemon.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { startMysql } from '../../support/servers/mysql.ts'
import { WebhookReceiver } from '../../support/webhook-receiver.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const JUMPS = ['+1d', '-1d', '+1h', '+0', '-1h', '+0']
const DELAY_MS = 2_000
const WINDOW_MS = 500
const RETRY_MIN_MS = 400
/** Commit and arrival are noted by the same clock, but not by the one that the delay is counted from. */
const TOLERANCE_MS = 50

const rules = (url: string): string => `rules:
  - id: delayed
    table: fault.clock
    delay: ${DELAY_MS}ms
    actions: [{type: webhook, url: "${url}/delayed", batch: never, body: {id: "{{id}}"}}]
  - id: gathered
    table: fault.clock
    debounce: ${WINDOW_MS}ms
    actions: [{type: webhook, url: "${url}/gathered", batch: never, body: {id: "{{id}}"}}]
  - id: retried
    table: fault.clock
    retry: {attempts: 3, maxAge: 10m, min: ${RETRY_MIN_MS}ms, max: 1s}
    actions: [{type: webhook, url: "${url}/retried", batch: never, body: {id: "{{id}}"}}]
`

async function run(context: ScenarioContext): Promise<Outcome> {
  const jumps = JUMPS.slice(0, context.cycles)
  await using mysql = await startMysql({ gtid: true })
  await mysql.query('CREATE DATABASE fault')
  await mysql.query('CREATE TABLE fault.clock (id INT PRIMARY KEY)')
  await using receiver = await WebhookReceiver.start()
  await using clock = await FakeClock.create()
  const refused = new Set<string>()
  const seen: { readonly what: string; readonly id: number; readonly at: number }[] = []
  receiver.answer = (body, response) => {
    const what = response.req.url!.slice(1)
    // The first try is refused, and the clock set before the second.
    if (what === 'retried' && !refused.has(body)) {
      refused.add(body)
      return 425
    }
    seen.push({ what, id: (JSON.parse(body) as { id: number }).id, at: performance.now() })
    return 204
  }
  await using bingo = await Daemon.start({ rules: rules(receiver.url), sourceUrl: mysql.url, env: clock.env })
  const problems: string[] = []
  let id = 0
  for (const jump of jumps) {
    const pair = [id++, id++]
    for (const each of pair) {
      const committedAt = performance.now()
      await mysql.query('INSERT INTO fault.clock VALUES (?)', [each])
      // One waits while the clock is set, one comes after.
      if (each === pair[0]) await clock.set(jump)
      await eventually(`row ${each} arrived thrice after ${jump}`, () => arrivals(each).length === 3)
      const tooEarly = arrivals(each).filter(({ what, at }) => at - committedAt < leastMs(what) - TOLERANCE_MS)
      for (const { what, at } of tooEarly) problems.push(`${jump}: ${what} after ${Math.round(at - committedAt)} ms`)
    }
    context.progress(`clock set to ${jump}`)
  }
  await bingo.ready()
  const letters = await bingo.metric('bingo_dead_letters')
  if (letters !== 0) problems.push(`${letters} dead letters`)
  await context.evidence.daemon('daemon', bingo)
  const changes = id * 3
  return {
    fault: `wall clock set to ${jumps.join(', ')}`,
    runs: jumps.length,
    changes,
    lost: changes - seen.length,
    reordered: 0,
    phantom: 0,
    duplicates: 0,
    secondsToHeal: null,
    notes: 'delays, windows and retries kept their length',
    problems,
  }

  function arrivals(of: number) {
    return seen.filter((arrival) => arrival.id === of)
  }
}

/** Full jitter makes a retry as short as it likes. */
function leastMs(what: string): number {
  return what === 'delayed' ? DELAY_MS : what === 'gathered' ? WINDOW_MS : 0
}

export const scenario: Scenario = {
  name: 'clock-jumps',
  group: 'resources',
  doc: 'the wall clock set by an hour and a day, both ways: no burst, no stall, delays and windows keep their length',
  run,
}
