import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'

const RULE = `rules:
  - id: cache
    table: users
    filter: "NewRow['status'] != OldRow['status']"
    actions:
      - {type: redis, cmd: DEL, key: "cache:user:{{ .ID }}"}
`
let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>
let folder: string
let env: Record<string, string>

beforeAll(async () => {
  ;[mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({})])
  await mysql.query('CREATE DATABASE shop')
  await mysql.query('CREATE TABLE shop.users (id INT PRIMARY KEY, email VARCHAR(50), status INT)')
})

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-cli-'))
  env = {
    BINGO_SOURCE_URL: mysql.url,
    BINGO_REDIS_URL: redis.url,
    BINGO_CHECKPOINT_STORE: `file:${join(folder, 'checkpoint')}`,
    BINGO_RULES: join(folder, 'rules.yaml'),
  }
  await writeFile(join(folder, 'rules.yaml'), RULE)
  return () => rm(folder, { recursive: true, force: true })
})

afterAll(() => Promise.all([mysql?.stop(), redis?.stop()]))

test('check lists what is valid', async () => {
  const { code, stdout } = await bingo(['check', '--online'], { env })
  expect(code).toBe(0)
  expect(stdout).toContain('1 rule')
})

test('check --online finds a column that the table does not have', async () => {
  await writeFile(join(folder, 'rules.yaml'), RULE.replace("NewRow['status']", "NewRow['statsu']"))
  const { code, stderr } = await bingo(['check', '--online'], { env })
  expect(code).toBe(1)
  expect(stderr).toMatch(/rules\.yaml:4:\d+ error/)
  expect(stderr).toContain('statsu')
  expect(stderr).toContain('status')
})

test('check reports a comparison that does not fit a column, online and from a schema file, and test accepts typed rows', async () => {
  const create =
    "CREATE TABLE shop.orders (id INT PRIMARY KEY, total DECIMAL(10,2) NOT NULL, state ENUM('new','paid') NOT NULL, age INT)"
  await mysql.query(create)
  const schema = join(folder, 'schema.sql')
  await writeFile(schema, `${create};\n`)
  const rule = (filter: string): string =>
    `rules: [{id: big, table: shop.orders, events: [INSERT], filter: "${filter}", actions: [{type: webhook, url: "https://crm.example.com/orders/{{id}}", body: {total: "{{total}}"}}]}]`
  await writeFile(join(folder, 'rules.yaml'), rule("new.total > 100 || new.state == 'payd' || new.age > 3"))
  for (const options of [['--online'], ['--schema', schema]]) {
    const { code, stderr } = await bingo(['check', ...options], { env })
    expect(code).toBe(1)
    expect(stderr).toContain('new.total is DECIMAL(10,2)')
    expect(stderr).toContain('decimal(new.total)')
    expect(stderr).toContain("never equals 'payd'")
    expect(stderr).toContain('new.age can be NULL')
  }
  await writeFile(join(folder, 'rules.yaml'), rule('decimal(new.total) > 100.0'))
  const tests = join(folder, 'tests.yaml')
  const event = '{op: insert, table: shop.orders, new: {id: 7, total: 150.5, state: new}}'
  const expected = '{webhook: {method: POST, url: "https://crm.example.com/orders/7", body: {total: "150.50"}}}'
  await writeFile(tests, `tests: [{rule: big, event: ${event}, expect: ${expected}}]`)
  expect((await bingo(['test', '--schema', schema, tests], { env })).stdout).toContain('1 passed, 0 failed')
  await writeFile(tests, `tests: [{rule: big, event: ${event.replace('state: new', 'state: old')}, expect: match}]`)
  const refused = await bingo(['test', '--schema', schema, tests], { env })
  expect(refused.code).toBe(1)
  expect(refused.stdout).toContain('Write one of: new, paid.')
})

test('check reports mistakes of configuration and rules together', async () => {
  await writeFile(join(folder, 'rules.yaml'), RULE.replace('filter', 'fitler'))
  const { code, stderr } = await bingo(['check'], { env: { ...env, BINGO_LANES: 'many' } })
  expect(code).toBe(1)
  expect(stderr).toContain('BINGO_LANES')
  expect(stderr).toContain('did you mean "filter"')
})

test('check works in CI without secrets, and gives its result for code review', async () => {
  const action =
    '{type: webhook, url: "${env:NO_SUCH_HOOK}/{{id}}", headers: {authorization: "Bearer ${file:/nowhere}"}}'
  await writeFile(
    join(folder, 'rules.yaml'),
    `rules: [{id: hook, table: users, filter: "new.id > 1", actions: [${action}]}]`,
  )
  const bare = { BINGO_RULES: env['BINGO_RULES']! }
  expect((await bingo(['check'], { env: bare })).code).toBe(1)
  const { code, stdout, stderr } = await bingo(['check', '--allow-missing-secrets', '--strict'], { env: bare })
  expect(code).toBe(0)
  expect(stderr).toMatch(/rules\.yaml:1:\d+ note BINGO_RULE_SECRET_MISSING/)
  expect(stdout).toContain('2 missing secrets: what depends on them was not checked')
  const review = await bingo(['check', '--allow-missing-secrets', '--sarif'], { env: bare })
  expect(JSON.parse(review.stdout)).toMatchObject({
    version: '2.1.0',
    runs: [{ results: [{ level: 'note' }, { level: 'note' }] }],
  })
  expect((await bingo(['check', '--allow-missing-secrets', '--online'], { env })).code).toBe(2)
})

test('a position is set, checked against the server, and shown', async () => {
  expect((await bingo(['position', 'show'], { env })).stdout).toContain('no checkpoint yet')
  expect((await bingo(['position', 'set', 'latest'], { env })).code).toBe(0)
  const shown = await bingo(['position', 'show', '--json'], { env })
  expect(JSON.parse(shown.stdout)).toMatchObject({
    name: 'bingo',
    position: { file: 'binlog.000001', flavour: 'mysql' },
  })
  const nowhere = await bingo(['position', 'set', 'binlog.000042:4'], { env })
  expect(nowhere.code).toBe(3)
  expect(nowhere.stderr).toMatch(/BINGO_(CHECKPOINT|SOURCE)_/)
  expect((await bingo(['position', 'show', '--json'], { env })).stdout).toBe(shown.stdout)
})

test('a running daemon is left alone by position set, answers status and health, and has its folder for itself', async () => {
  await using daemon = await Daemon.start({ rules: RULE, sourceUrl: mysql.url, env: { BINGO_REDIS_URL: redis.url } })
  const beside = {
    ...env,
    BINGO_HTTP_LISTEN: `127.0.0.1:${daemon.adminPort}`,
    BINGO_CHECKPOINT_STORE: `file:${join(daemon.folder, 'checkpoint')}`,
  }
  const refused = await bingo(['position', 'set', 'earliest'], { env: beside })
  expect(refused.stderr).toContain('BINGO_DAEMON_RUNNING')
  expect((await bingo(['position', 'set', 'earliest', '--force'], { env: beside })).code).toBe(5)
  expect((await bingo(['run'], { env: { ...beside, BINGO_HTTP_LISTEN: 'off' } })).code).toBe(5)
  expect((await bingo(['health', '--ready'], { env: beside })).stdout).toContain('ready')
  const status = await bingo(['status', '--json'], { env: beside })
  expect(JSON.parse(status.stdout)).toMatchObject({ name: 'bingo', ready: true, source: { connected: true } })
  expect(await daemon.stop()).toBe(0)
  expect((await bingo(['health'], { env: beside })).code).toBe(4)
})

test('dead letters are listed, and redelivered in order once the target accepts them', async () => {
  await redis.cli('FLUSHALL')
  await redis.cli('SET', 'log:1', 'not a list')
  const rules = `rules:
  - id: history
    table: users
    actions:
      - {type: redis, cmd: RPUSH, key: "log:{{id}}", value: "{{new.status}}"}
`
  await using daemon = await Daemon.start({ rules, sourceUrl: mysql.url, env: { BINGO_REDIS_URL: redis.url } })
  const beside = {
    ...env,
    BINGO_RULES: daemon.rulesFile,
    BINGO_HTTP_LISTEN: `127.0.0.1:${daemon.adminPort}`,
    BINGO_CHECKPOINT_STORE: `file:${join(daemon.folder, 'checkpoint')}`,
  }
  await mysql.query("INSERT INTO shop.users VALUES (1, 'a', 1), (2, 'b', 1)")
  for (const status of [2, 3]) await mysql.query('UPDATE shop.users SET status = ?', [status])
  await eventually('three events wait', async () => (await daemon.metric('bingo_dead_letters')) === 3)
  const arrived = async (row: number): Promise<readonly string[]> =>
    (await redis.cli('--raw', 'LRANGE', `log:${row}`, '0', '-1')).trim().split('\n')
  await eventually('the other row is complete', async () => (await arrived(2)).length === 3)
  expect(await arrived(2)).toEqual(['1', '2', '3'])

  const listed = await bingo(['dead-letters', 'list'], { env: beside })
  expect(listed.stdout.match(/\bpark\b/g)).toHaveLength(1)
  expect(listed.stdout.match(/\bparked\b/g)).toHaveLength(2)
  expect(listed.stdout).not.toContain('"status"')
  await redis.cli('DEL', 'log:1')
  expect((await bingo(['dead-letters', 'retry', '--all', '--dry-run'], { env: beside })).stdout).toContain(
    '3 would be retried',
  )
  const retried = await bingo(['dead-letters', 'retry', '--rule', 'history'], { env: beside })
  expect(retried).toMatchObject({ code: 0, stdout: '3 delivered, 0 remaining\n' })
  expect(await arrived(1)).toEqual(['1', '2', '3'])
  expect((await bingo(['dead-letters', 'list'], { env: beside })).stdout).toContain('no dead letters')
})

test('dead letters show what the receiver said, which is in no log and no metric', async () => {
  await using receiver = await WebhookReceiver.start()
  receiver.answer = (_body, response) => {
    response.writeHead(422, { 'content-type': 'application/json' }).end('{"error":"unknown customer ada@example.com"}')
    return undefined
  }
  const rules = `rules: [{id: crm, table: users, onFailure: skip, actions: [{type: webhook, url: "${receiver.url}"}]}]`
  await using daemon = await Daemon.start({ rules, sourceUrl: mysql.url })
  const beside = {
    ...env,
    BINGO_RULES: daemon.rulesFile,
    BINGO_HTTP_LISTEN: `127.0.0.1:${daemon.adminPort}`,
    BINGO_CHECKPOINT_STORE: `file:${join(daemon.folder, 'checkpoint')}`,
  }
  await mysql.query("INSERT INTO shop.users VALUES (77, 'a', 1)")
  await eventually('it is a dead letter', async () => (await daemon.metric('bingo_dead_letters')) === 1)
  const { stdout } = await bingo(['dead-letters', 'list', '--json'], { env: beside })
  const { id } = JSON.parse(stdout.trim().split('\n')[0]!) as { id: string }
  const shown = await bingo(['dead-letters', 'show', id], { env: beside })
  expect(JSON.parse(shown.stdout)).toMatchObject({
    attempts: [{ answer: { status: '422', text: '{"error":"unknown customer ada@example.com"}' } }],
  })
  const { code, stderr } = await bingo(['dead-letters', 'show', 'none'], { env: beside })
  expect(code).toBe(1)
  expect(stderr).toContain('error BINGO_DEAD_LETTER_UNKNOWN dead letter "none" does not exist')
  const metrics = await daemon.get('/metrics')
  await daemon.stop()
  expect(JSON.stringify(daemon.log.lines) + metrics.text).not.toContain('ada@example.com')
})

test('explain tells which part of a filter decides', async () => {
  const input = '{"op":"update","table":"shop.users","old":{"id":1,"status":1},"new":{"id":1,"status":1}}\n'
  const { code, stdout } = await bingo(['explain'], { env, input })
  expect(code).toBe(1)
  expect(stdout).toContain('does not match')
  expect(stdout).toContain('new.status = 1, old.status = 1')
})

test('changed rules are reloaded while the daemon runs, invalid ones are not', async () => {
  await redis.cli('FLUSHALL')
  await mysql.query('DELETE FROM shop.users')
  await mysql.query("INSERT INTO shop.users VALUES (1, 'a', 1), (2, 'b', 1)")
  await using daemon = await Daemon.start({ rules: RULE, sourceUrl: mysql.url, env: { BINGO_REDIS_URL: redis.url } })
  await writeFile(daemon.rulesFile, RULE.replace('filter', 'fitler'))
  await daemon.says({ code: 'BINGO_RULES_NOT_RELOADED' })
  await redis.cli('MSET', 'cache:user:1', 'x', 'v2:user:2', 'x')
  await mysql.query('UPDATE shop.users SET status = 5 WHERE id = 1')
  await eventually('the old rule works on', async () => (await redis.cli('EXISTS', 'cache:user:1')).trim() === '0')
  await writeFile(daemon.rulesFile, RULE.replace('cache:user', 'v2:user'))
  await daemon.says({ msg: 'rules reloaded' })
  await mysql.query('UPDATE shop.users SET status = 5 WHERE id = 2')
  await eventually('the new rule works', async () => (await redis.cli('EXISTS', 'v2:user:2')).trim() === '0')
})
