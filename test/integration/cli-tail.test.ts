import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startMysql } from '../support/servers/mysql.ts'
import { bingo, MAIN, ndjson } from './cli-process.ts'
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts'

/** Longer than a machine stalls between two events. */
const IDLE = '5s'

let mysql: Awaited<ReturnType<typeof startMysql>>
let env: Record<string, string>

beforeAll(async () => {
  mysql = await startMysql({ gtid: true })
  env = { BINGO_SOURCE_URL: mysql.url }
  await mysql.query('CREATE DATABASE shop')
  await mysql.query('CREATE TABLE shop.users (id BIGINT UNSIGNED PRIMARY KEY, email VARCHAR(50), status INT)')
  await mysql.query('CREATE TABLE shop.orders (id INT PRIMARY KEY)')
  await mysql.query("INSERT INTO shop.users VALUES (1, 'a@x', 0), (18446744073709551615, 'b@x', 0)")
  await mysql.query("UPDATE shop.users SET status = 1 WHERE email = 'a@x'")
  await mysql.query('INSERT INTO shop.orders VALUES (7)')
  await mysql.query('DELETE FROM shop.users WHERE id = 1')
})

afterAll(() => mysql?.stop())

test('tail prints events as NDJSON on stdout, nothing else there, and ends when idle', async () => {
  const { code, stdout } = await bingo(['tail', '--from', 'earliest', '--until-idle', IDLE], { env })
  expect(code).toBe(0)
  const events = ndjson(stdout)
  expect(events.map(({ op, table }) => `${String(op)} ${String(table)}`)).toEqual([
    'insert users',
    'insert users',
    'update users',
    'insert orders',
    'delete users',
  ])
  expect(events[1]).toMatchObject({ schema: 'shop', key: { id: '18446744073709551615' }, old: null, seq: 1 })
  expect(events[2]).toMatchObject({
    old: { id: 1, email: 'a@x', status: 0 },
    new: { id: 1, email: 'a@x', status: 1 },
    changed: ['status'],
  })
  expect(events[4]).toMatchObject({ new: null, old: { id: 1 } })
})

test('the same events have the same ids each time', async () => {
  const run = () => bingo(['tail', '--from', 'earliest', '--limit', '4'], { env })
  const [first, second] = [await run(), await run()]
  expect(first.stdout).toBe(second.stdout)
  expect(ndjson(first.stdout)).toHaveLength(4)
})

test('tail can be limited to tables, and wrapped as CloudEvents', async () => {
  const args = ['tail', '--from', 'earliest', '--until-idle', IDLE, '--tables', 'shop.ord*', '--format', 'cloudevents']
  const events = ndjson((await bingo(args, { env })).stdout)
  expect(events).toMatchObject([
    { specversion: '1.0', type: 'shop.orders.insert', subject: '7', data: { op: 'insert' } },
  ])
})

test('tail reads binlog files without a server, also with a dump where the names are missing', async () => {
  const live = await bingo(['tail', '--from', 'earliest', '--until-idle', IDLE], { env })
  const fromFile = await bingo(['tail', '--file', join(mysql.binlogDir, 'binlog.0*')])
  expect(fromFile.code).toBe(0)
  expect(fromFile.stdout).toBe(live.stdout)
})

test('files that do not name their columns are refused with what to give, and read with a dump', async () => {
  await using minimal = await startMysql({ rowMetadata: 'MINIMAL' })
  await minimal.query('CREATE DATABASE shop')
  const create = 'CREATE TABLE shop.users (id INT PRIMARY KEY, email VARCHAR(50))'
  await minimal.query(create)
  await minimal.query("INSERT INTO shop.users VALUES (1, 'a@x')")
  const file = join(minimal.binlogDir, 'binlog.000001')
  const refused = await bingo(['tail', '--file', file])
  expect(refused).toMatchObject({ code: 3, stdout: '' })
  expect(refused.stderr).toContain('--schema')
  const dump = join(minimal.binlogDir, 'dump.sql')
  await writeFile(dump, `${create};\n`)
  const read = await bingo(['tail', '--file', file, '--schema', dump])
  expect(ndjson(read.stdout)).toMatchObject([{ new: { id: 1, email: 'a@x' } }])
})

test('rows of an outbox are shown as the events that rules see, and those that make none as rows', async () => {
  await mysql.query('CREATE DATABASE app')
  await mysql.query(
    'CREATE TABLE app.outbox (id VARCHAR(36) PRIMARY KEY, topic VARCHAR(50), aggregate_id VARCHAR(50), payload TEXT)',
  )
  await mysql.query('CREATE TABLE app.other (id INT PRIMARY KEY)')
  await mysql.query(
    `INSERT INTO app.outbox VALUES ('e1', 'orders.placed', '7', '{"total": 5}'), ('', '', '', 'no JSON')`,
  )
  await mysql.query('INSERT INTO app.other VALUES (1)')
  const config = join(mysql.binlogDir, '..', 'tail.yaml')
  await writeFile(config, `source: {url: "${mysql.url}"}\noutbox: [{table: app.outbox}]\n`)
  const run = async (...more: string[]) =>
    ndjson(
      (
        await bingo(['tail', '--from', 'earliest', '--tables', 'app.*', '--limit', '3', ...more], {
          env: { BINGO_CONFIG: config },
        })
      ).stdout,
    )
  expect(await run()).toMatchObject([
    { id: 'e1', type: 'orders.placed', source: 'outbox', key: '7', payload: { total: 5 } },
    { op: 'insert', table: 'outbox', new: { id: '' } },
    { op: 'insert', table: 'other' },
  ])
  expect(await run('--format', 'cloudevents')).toMatchObject([
    { specversion: '1.0', id: 'e1', type: 'orders.placed', source: 'outbox', subject: '7', data: { total: 5 } },
    { type: 'app.outbox.insert' },
    { type: 'app.other.insert' },
  ])
})

test('a reader that closes the pipe ends tail without an error', async () => {
  const command = `set -o pipefail; ${process.execPath} ${MAIN} tail --from earliest --until-idle ${IDLE} | head -1`
  const { stdout, stderr } = await promisify(execFile)('/bin/bash', ['--norc', '-c', command], {
    env: { ...env, ...CHILD_ENVIRONMENT } as NodeJS.ProcessEnv,
  })
  expect(ndjson(stdout)).toHaveLength(1)
  expect(stderr).not.toContain('EPIPE')
})

test('a wrong password ends tail with a clear error and no stack', async () => {
  await mysql.query("CREATE USER IF NOT EXISTS 'bingo'@'%' IDENTIFIED BY 'right'")
  const wrong = { BINGO_SOURCE_URL: `mysql://bingo:hunter2wrong@127.0.0.1:${mysql.port}` }
  const { code, stderr, stdout } = await bingo(['tail', '--until-idle', '1s'], { env: wrong })
  expect(code).toBe(3)
  expect(stdout).toBe('')
  expect(stderr).toContain('BINGO_SOURCE_ACCESS_DENIED')
  expect(stderr).not.toMatch(/hunter2wrong|\n\s+at /)
})

test('a limit, and a reader that closes the pipe, end the reading of files, however much is left of them', async () => {
  await mysql.query('CREATE TABLE shop.wide (id INT PRIMARY KEY, content MEDIUMTEXT)')
  for (const id of [1, 2, 3, 4]) await mysql.query(`INSERT INTO shop.wide VALUES (${id}, REPEAT('x', 900000))`)
  const args = ['tail', '--file', join(mysql.binlogDir, 'binlog.0*'), '--tables', 'shop.wide']
  const limited = await bingo([...args, '--limit', '1'])
  expect(limited).toMatchObject({ code: 0, stderr: '' })
  expect(ndjson(limited.stdout)).toHaveLength(1)
  const command = `set -o pipefail; ${process.execPath} ${MAIN} ${args.map((each) => `'${each}'`).join(' ')} | head -c 10`
  // Bash takes a socket as its input for a remote login, and would read what its user has set up.
  const { stdout, stderr } = await promisify(execFile)('/bin/bash', ['--norc', '-c', command], {
    env: CHILD_ENVIRONMENT as NodeJS.ProcessEnv,
  })
  expect([stdout.slice(0, 7), stderr]).toEqual(['{"id":"', ''])
})

/** tail of more lines than a pipe holds, whose reader has taken the first bytes and waits. */
async function tailThatWaits() {
  await mysql.query('CREATE TABLE IF NOT EXISTS shop.long (id INT PRIMARY KEY, content MEDIUMTEXT)')
  await mysql.query("REPLACE INTO shop.long VALUES (1, REPEAT('x', 900000)), (2, REPEAT('y', 900000))")
  const args = ['tail', '--from', 'earliest', '--tables', 'shop.long']
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...env, ...CHILD_ENVIRONMENT } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'readable')
  return child
}

test('a stop while the reader waits prints what was read, in whole lines', async () => {
  const child = await tailThatWaits()
  child.kill('SIGINT')
  const [stdout] = await Promise.all([text(child.stdout), once(child, 'close')])
  expect(child.exitCode).toBe(0)
  expect(ndjson(stdout).map(({ key }) => key)).toEqual(expect.arrayContaining([{ id: 1 }, { id: 2 }]))
})

test('a second signal ends tail although its reader never goes on', async () => {
  const child = await tailThatWaits()
  const closed = once(child, 'exit')
  child.kill('SIGINT')
  const again = setInterval(() => child.kill('SIGINT'), 100)
  expect(await closed).toEqual([null, 'SIGINT'])
  clearInterval(again)
  child.stdout.destroy()
})
