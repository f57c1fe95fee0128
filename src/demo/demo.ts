import { once } from 'node:events'
import { extname } from 'node:path'
import type { Log } from '../model/rule/action.ts'
import { latencyOf } from './latency.ts'
import { Narrator } from './narrator.ts'
import {
  bulkUpdate,
  count,
  newUsers,
  orders,
  postedEvents,
  prepare,
  singleUpdates,
  unrelatedUpdate,
  type SceneResult,
} from './scenes.ts'
import type { DaemonProcess } from './daemon-process.ts'
import { setStage, type Stage } from './stage.ts'

export interface DemoOptions {
  readonly mariadb: boolean
  /** Rows of the big UPDATE. */
  readonly rows: number
  /** End after the table instead of staying up. */
  readonly once: boolean
  readonly signal: AbortSignal
  readonly log: Log
}

const SINGLE_UPDATES = 500

/**
 * The demo: real servers, the real daemon, real changes, told as a story. Answers whether every effect was there when
 * the target itself was asked. Rejects with the signal's reason when it is interrupted.
 */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const tell = new Narrator(process.stdout)
  const { signal } = options
  tell.title('BinGo demo: database changes become events')
  const onProgress = (message: string): void => tell.progress(message)
  onProgress(`starting ${options.mariadb ? 'MariaDB' : 'MySQL'} and Redis`)
  await using stage = await setStage({ mariadb: options.mariadb, signal, log: options.log, onProgress })
  tell.effect(
    true,
    `${options.mariadb ? 'MariaDB' : 'MySQL'} ${stage.sql.version} on port ${stage.sql.port} (${stage.sql.origin})`,
  )
  tell.effect(true, `Redis on port ${stage.redis.port} (${stage.redis.origin})`)
  onProgress(`inserting ${count(options.rows)} users into shop.users and the cache`)
  await prepare(stage, options.rows)
  signal.throwIfAborted()
  const started = performance.now()
  const daemon = await stage.startDaemon()
  tell.effect(true, `bingo run is streaming after ${(performance.now() - started).toFixed(0)} ms`)

  const played = await play(stage, daemon, options.rows, tell, signal)
  const { work } = await daemon.status()
  tell.title('Results')
  const latency = latencyOf(played.samplesMs)
  tell.table([
    ['rows changed', count(played.rows)],
    ['change events read', count(work.rows)],
    ['change events matched by a rule', count(work.matched)],
    [`Redis commands for the ${count(options.rows)} rows`, count(played.commands)],
    ['cache keys deleted', count(played.keysGone())],
    ['commit → effect, p50', `${latency.p50.toFixed(2)} ms`],
    ['commit → effect, p99', `${latency.p99.toFixed(2)} ms`],
  ])
  tell.effect(
    played.ok,
    played.ok ? 'every effect verified at its target' : 'FAILED: some effects are missing at their targets',
  )
  if (!options.once) await stayUp(stage, daemon, tell, signal)
  return played.ok
}

interface Played {
  readonly rows: number
  readonly ok: boolean
  readonly commands: number
  readonly samplesMs: readonly number[]
  readonly keysGone: () => number
}

async function play(
  stage: Stage,
  daemon: DaemonProcess,
  users: number,
  tell: Narrator,
  signal: AbortSignal,
): Promise<Played> {
  let gone = 0
  stage.onKeyGone(() => (gone += 1))
  const results: SceneResult[] = []
  const scene = async <R extends SceneResult>(title: string, sql: string, run: () => Promise<R>): Promise<R> => {
    signal.throwIfAborted()
    tell.title(title)
    tell.action(sql)
    const result = await run()
    tell.effect(result.ok, result.seen)
    results.push(result)
    return result
  }
  const bulk = await scene('1. A bulk update', 'UPDATE users SET status = 1', () => bulkUpdate(stage, users))
  const single = await scene(
    '2. Single changes',
    `${count(SINGLE_UPDATES)} × UPDATE users SET status = status + 1 WHERE id = …`,
    () => singleUpdates(stage, SINGLE_UPDATES, users),
  )
  await scene('3. A change that no rule matches', "UPDATE users SET email = 'new@example.com' WHERE id = 1", () =>
    unrelatedUpdate(stage),
  )
  await scene('4. A webhook', 'INSERT INTO users … (three times), DELETE FROM users …', () => newUsers(stage, users))
  await scene('5. An audit log', 'INSERT INTO orders …, a transaction that is rolled back, UPDATE orders …', () =>
    orders(stage),
  )
  await scene('6. Posted events, beside a changed row', 'POST /api/v1/events (twice), INSERT INTO users …', () =>
    postedEvents(stage, daemon, users),
  )
  return {
    rows: results.reduce((sum, { rows }) => sum + rows, 0),
    ok: results.every(({ ok }) => ok),
    commands: bulk.commands,
    samplesMs: single.samplesMs,
    keysGone: () => gone,
  }
}

async function stayUp(stage: Stage, daemon: DaemonProcess, tell: Narrator, signal: AbortSignal): Promise<void> {
  const { sql, redis, webhook } = stage
  tell.title('It stays up: try it yourself (Ctrl-C ends it and removes everything)')
  tell.line(`  mysql -h ${sql.host} -P ${sql.port} -u root shop      (no password)`)
  tell.line(`  redis-cli -p ${redis.port} SET cache:user:42 hello`)
  tell.line('  then, in MySQL:  UPDATE users SET status = 2 WHERE id = 42;')
  tell.line()
  tell.line(`  curl -s localhost:${daemon.port}/api/v1/events -H 'Content-Type: application/json' \\`)
  tell.line(`    -d '{"event": {"type": "app.signup.started", "payload": {"email": "me@example.com"}}}'`)
  tell.line()
  tell.line(`  rules   ${stage.rulesFile}      edit and save: the daemon reloads them`)
  tell.line(`  audit   tail -f ${stage.auditFile}`)
  tell.line(`  log     tail -f ${stage.logFile}`)
  const bingo = extname(import.meta.url) === '.ts' ? 'npm run -s bingo --' : 'bingo'
  tell.line(`  events  BINGO_SOURCE_URL=${sql.url} ${bingo} tail`)
  tell.line()
  stage.onKeyGone((key) => tell.line(`  ${time()} redis    ${key} deleted`))
  webhook.onBody = (body) => tell.line(`  ${time()} webhook  ${JSON.stringify(body)}`)
  if (!signal.aborted) await once(signal, 'abort')
}

function time(): string {
  return new Date().toTimeString().slice(0, 8)
}
