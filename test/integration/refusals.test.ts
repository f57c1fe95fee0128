import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts'
import { mainFile } from '../support/main-file.ts'

const MAIN = mainFile()
const RULES = 'rules:\n  - {id: all, table: shop.users, actions: [{type: log, path: stdout}]}\n'
/** Documented in docs/errors.md: the source refuses. */
const EXIT_SOURCE = 3

let mysql: Awaited<ReturnType<typeof startMysql>>
let folder: string

beforeAll(async () => {
  mysql = await startMysql({ gtid: true })
  folder = await mkdtemp(join(tmpdir(), 'bingo-refusals-'))
  await writeFile(join(folder, 'rules.yaml'), RULES)
  await mysql.query('CREATE DATABASE shop')
  await mysql.query('CREATE TABLE shop.users (id INT PRIMARY KEY, status INT)')
  await mysql.query("CREATE USER 'weak'@'%' IDENTIFIED BY 'secret-word'")
})

afterAll(async () => {
  await mysql?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** `bingo run` to its end, with a checkpoint of its own per call. */
async function run(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [MAIN, 'run'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...CHILD_ENVIRONMENT,
      HOME: folder,
      BINGO_SOURCE_URL: mysql.url,
      BINGO_RULES: join(folder, 'rules.yaml'),
      BINGO_CHECKPOINT_STORE: 'memory:',
      BINGO_HTTP_LISTEN: '127.0.0.1:0',
      ...env,
    } as NodeJS.ProcessEnv,
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

test('a wrong password is reported with the account, without the password, and ends the start', async () => {
  const { code, output } = await run({ BINGO_SOURCE_URL: `mysql://weak:wrong-word@127.0.0.1:${mysql.port}` })
  expect(code).toBe(EXIT_SOURCE)
  expect(output).toContain('BINGO_SOURCE_ACCESS_DENIED')
  expect(output).toContain('weak')
  expect(output).not.toContain('wrong-word')
})

test('a missing grant is named with the SQL that gives it', async () => {
  const { code, output } = await run({ BINGO_SOURCE_URL: `mysql://weak:secret-word@127.0.0.1:${mysql.port}` })
  expect(code).toBe(EXIT_SOURCE)
  expect(output).toContain("GRANT REPLICATION SLAVE ON *.* TO 'weak'@'%'")
  expect(output).not.toContain('secret-word')
})

test('binlog_format=STATEMENT is refused with the SQL that mends it', async () => {
  await mysql.query('SET GLOBAL binlog_format = STATEMENT')
  const { code, output } = await run({})
  await mysql.query('SET GLOBAL binlog_format = ROW')
  expect(code).toBe(EXIT_SOURCE)
  expect(output).toContain("SET PERSIST binlog_format = 'ROW'")
})

test('binlogs that were purged before they were read stop the start and say which transactions are missing', async () => {
  const [{ uuid } = { uuid: '' }] = (await mysql.query('SELECT @@server_uuid AS uuid')) as { uuid: string }[]
  await mysql.query('FLUSH BINARY LOGS')
  await mysql.query('INSERT INTO shop.users VALUES (1, 1)')
  await mysql.query('FLUSH BINARY LOGS')
  const files = (await mysql.query('SHOW BINARY LOGS')) as { Log_name: string }[]
  await mysql.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`)
  const { code, output } = await run({ BINGO_SOURCE_START: `${uuid}:1` })
  expect(code).toBe(EXIT_SOURCE)
  expect(output).toContain('BINGO_SOURCE_GAP')
  expect(output).toContain(`${uuid}:2-`)
})

test('the checkpoint of another server is refused', async () => {
  await using other = await startMysql({ gtid: false, serverId: 2 })
  await other.query('CREATE DATABASE shop')
  await using bingo = await Daemon.start({ rules: RULES, sourceUrl: other.url })
  await other.query('CREATE TABLE shop.users (id INT PRIMARY KEY, status INT)')
  expect(await bingo.stop()).toBe(0)
  await using third = await startMysql({ gtid: false, serverId: 3 })
  bingo.spawn({ BINGO_SOURCE_URL: third.url })
  expect(await bingo.ended()).toBe(EXIT_SOURCE)
  expect(bingo.output()).toContain('BINGO_CHECKPOINT_FOREIGN')
})
