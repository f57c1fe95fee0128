import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Stage } from './stage.ts'

/** What one scene did, for the table at the end. `ok`: every effect was there when the target itself was asked. */
export interface SceneResult {
  readonly rows: number
  readonly ok: boolean
  /** What was seen, in words. */
  readonly seen: string
}

const EFFECT_TIMEOUT_MS = 30_000
const POLL_MS = 2
const CHUNK = 1_000

/** Fills the tables and the cache, before the daemon starts. */
export async function prepare({ sql, cache }: Stage, users: number): Promise<void> {
  await sql.query('CREATE DATABASE shop')
  await sql.query(
    'CREATE TABLE shop.users (id BIGINT PRIMARY KEY, email VARCHAR(120) NOT NULL, status INT NOT NULL DEFAULT 0)',
  )
  await sql.query(
    'CREATE TABLE shop.orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id BIGINT NOT NULL, total DECIMAL(10,2) NOT NULL, state VARCHAR(20) NOT NULL)',
  )
  for (let first = 1; first <= users; first += CHUNK) {
    const ids = Array.from({ length: Math.min(CHUNK, users - first + 1) }, (_, index) => first + index)
    await sql.query(
      `INSERT INTO shop.users (id, email) VALUES ${ids.map((id) => `(${id},'user${id}@example.com')`).join(',')}`,
    )
    await cache.client.mset(new Map(ids.map((id) => [cacheKey(id), `{"id":${id}}`])))
  }
}

/** One UPDATE of all users until their cache entries are gone. */
export async function bulkUpdate(
  { sql, cache }: Stage,
  users: number,
): Promise<SceneResult & { readonly commands: number }> {
  const before = await deleteCommands(cache)
  await sql.query('UPDATE shop.users SET status = 1')
  const committed = performance.now()
  const ok = await until(async () => (await cachedUsers(cache)) === 0)
  const ms = performance.now() - committed
  const commands = (await deleteCommands(cache)) - before
  const left = await cachedUsers(cache)
  const seen = ok
    ? `all ${count(users)} cache entries gone ${ms.toFixed(0)} ms after the commit, in ${commands} Redis command${commands === 1 ? '' : 's'}`
    : `${count(left)} cache entries still exist`
  return { rows: users, ok, seen, commands }
}

/** Many small changes, one after the other; measures each from the return of its COMMIT to the key's disappearance. */
export async function singleUpdates(
  stage: Stage,
  changes: number,
  users: number,
): Promise<SceneResult & { readonly samplesMs: readonly number[] }> {
  const gone = new Map<string, number>()
  stage.onKeyGone((key) => gone.set(key, performance.now()))
  const samplesMs: number[] = []
  for (let index = 0; index < changes; index++) {
    const id = 1 + ((index * 37) % users)
    const key = cacheKey(id)
    await stage.cache.client.set(key, '{}')
    gone.delete(key)
    await stage.sql.query('UPDATE shop.users SET status = status + 1 WHERE id = ?', [id])
    const committed = performance.now()
    // Polling would add its own latency; the notification waits for nobody.
    if (!(await until(async () => gone.has(key)))) break
    samplesMs.push(Math.max(0, gone.get(key)! - committed))
  }
  const ok = samplesMs.length === changes && (await cachedUsers(stage.cache)) === 0
  return {
    rows: changes,
    ok,
    seen: `${samplesMs.length} of ${changes} keys deleted, each right after its commit`,
    samplesMs,
  }
}

/** A change that no rule matches must leave the cache alone. */
export async function unrelatedUpdate({ sql, cache }: Stage): Promise<SceneResult> {
  await cache.client.set(cacheKey(1), '{}')
  await sql.query("UPDATE shop.users SET email = 'new@example.com' WHERE id = 1")
  // Its effect would come before that of the next change of the same key.
  await cache.client.set(cacheKey(2), '{}')
  await sql.query('UPDATE shop.users SET status = status + 1 WHERE id = 2')
  const passed = await until(async () => (await cache.client.exists(cacheKey(2))) === 0)
  const ok = passed && (await cache.client.exists(cacheKey(1))) === 1
  return {
    rows: 2,
    ok,
    seen: ok
      ? 'the e-mail changed, not the status: BinGo kept the cache entry'
      : 'BinGo deleted a cache entry without a reason',
  }
}

/** New users, told to a webhook; then one of them leaves. */
export async function newUsers({ sql, cache, webhook }: Stage, users: number): Promise<SceneResult> {
  const fresh = 3
  const before = webhook.bodies.length
  for (let index = 1; index <= fresh; index++) {
    await sql.query('INSERT INTO shop.users (id, email) VALUES (?, ?)', [users + index, `new${index}@example.com`])
  }
  const told = await until(async () => webhook.bodies.length >= before + fresh)
  await cache.client.set(cacheKey(users + 1), '{}')
  await sql.query('DELETE FROM shop.users WHERE id = ?', [users + 1])
  const dropped = await until(async () => (await cache.client.exists(cacheKey(users + 1))) === 0)
  const got = webhook.bodies.slice(before) as { readonly email?: unknown }[]
  const right = got.length === fresh && got.every((body, index) => body.email === `new${index + 1}@example.com`)
  const seen = `the webhook received ${got.length} of ${fresh} new users${right ? '' : ' (with wrong values)'}; the cache entry of the deleted user is gone`
  return { rows: fresh + 1, ok: told && dropped && right, seen }
}

/** An application posts events while a row changes: both arrive, by the same rules, at the same receiver. */
export async function postedEvents({ sql, webhook }: Stage, daemon: Poster, users: number): Promise<SceneResult> {
  const id = users + 100
  const before = webhook.bodies.length
  const emails = ['ada@example.com', 'bob@example.com']
  const answers: number[] = []
  for (const email of emails) {
    const { status } = await daemon.post({ type: 'app.signup.started', key: email, payload: { email } })
    answers.push(status)
  }
  await sql.query('INSERT INTO shop.users (id, email) VALUES (?, ?)', [id, 'row@example.com'])
  const told = await until(async () => webhook.bodies.length >= before + emails.length + 1)
  const got = webhook.bodies.slice(before) as { readonly email?: unknown; readonly posted?: unknown }[]
  const posted = got.filter((body) => body.posted !== undefined).map(({ email }) => email)
  const rows = got.filter((body) => body.posted === undefined).map(({ email }) => email)
  const right = emails.every((email) => posted.includes(email)) && rows.includes('row@example.com')
  const seen = `the webhook received ${posted.length} of ${emails.length} posted events and ${rows.length} of 1 changed row`
  return { rows: 1, ok: told && right && answers.every((status) => status === 200), seen }
}

/** What takes events. */
interface Poster {
  post(event: object): Promise<{ readonly status: number }>
}

/** Orders and the audit log. One transaction that is rolled back must leave no trace. */
export async function orders({ sql, auditFile }: Stage): Promise<SceneResult> {
  const before = (await lines(auditFile)).length
  await sql.query("INSERT INTO shop.orders (user_id, total, state) VALUES (7, 99.90, 'new'), (8, 12.50, 'new')")
  const connection = await sql.connect()
  await connection.query("BEGIN; UPDATE shop.orders SET state = 'never'; ROLLBACK")
  await connection.end()
  await sql.query("UPDATE shop.orders SET state = 'paid' WHERE user_id = 7")
  const arrived = await until(async () => (await lines(auditFile)).length >= before + 3)
  const written = (await lines(auditFile)).slice(before)
  const phantom = written.some((line) => line.includes('"never"'))
  const seen = `${written.length} lines in the audit log${phantom ? ', one of them never committed' : ', none from the transaction that was rolled back'}`
  return { rows: 3, ok: arrived && !phantom && written.length === 3, seen }
}

export function cacheKey(id: number): string {
  return `cache:user:${id}`
}

export function count(value: number): string {
  return value.toLocaleString('en-US')
}

type Cache = Stage['cache']

function cachedUsers({ client }: Cache): Promise<number> {
  return client.dbsize()
}

/** DEL and UNLINK commands that Redis has executed. */
async function deleteCommands({ client }: Cache): Promise<number> {
  const stats = await client.info('commandstats')
  return [...stats.matchAll(/cmdstat_(?:del|unlink):calls=(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0)
}

async function lines(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').filter((line) => line !== '')
}

async function until(check: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + EFFECT_TIMEOUT_MS
  while (!(await check())) {
    if (performance.now() > deadline) return false
    await delay(POLL_MS)
  }
  return true
}
