import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'
import { pairs } from '../support/forms.ts'

const RULES = 'rules: [{id: all, table: shop.t, actions: [{type: log}]}]'
const PASSWORD = 'opensesame'
const LOGIN_HINT = /^Check user and password in the address/

let mysql: SqlServer
let redis: RedisServer

beforeAll(async () => {
  mysql = await startMysql({ gtid: true })
  await mysql.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)')
})
afterAll(() => mysql.stop())
beforeEach(async () => {
  redis = await startRedis({ args: ['--requirepass', PASSWORD] })
})
afterEach(() => redis.stop())

/** What is right later: the server takes the wrong password, or none, from then on. */
const acceptPassword = (password: string) => redis.cli('-a', PASSWORD, 'CONFIG', 'SET', 'requirepass', password)
const wrong = (): string => `redis://:wr0ng@127.0.0.1:${redis.port}`
const none = (): string => `redis://127.0.0.1:${redis.port}`

const COMMANDS = [
  ['position show', 'BINGO_CHECKPOINT_STORE'],
  ['dead-letters list', 'BINGO_DEAD_LETTERS_STORE'],
] as const
const REPLIES = pairs(['WRONGPASS', 'NOAUTH'], COMMANDS)
const commandsOf = (reply: string) => REPLIES.filter(([each]) => each === reply).map(([, command]) => command)

describe.each([
  ['a wrong password', wrong, 'WRONGPASS', 'wr0ng'],
  ['no password', none, 'NOAUTH', ''],
] as const)('%s for the Redis that keeps the checkpoint', (_, url, reply, right) => {
  test('is named by /readyz and the log with a remedy, and the daemon goes on when it is accepted', async () => {
    await using daemon = await Daemon.prepare({
      rules: RULES,
      sourceUrl: mysql.url,
      env: { BINGO_CHECKPOINT_STORE: url() },
    })
    daemon.spawn()
    await eventually('/readyz names the store', async () => {
      await daemon.mustRun()
      return (await daemon.reasons()).includes('BINGO_CHECKPOINT_UNREACHABLE')
    })
    const { text } = await daemon.get('/readyz')
    expect(JSON.parse(text)).toMatchObject({
      reasons: [{ message: expect.stringContaining(`refuses the login: ${reply}`) }],
    })
    const [line] = await daemon.says({ msg: 'waiting for the checkpoint store' })
    expect(line['hint']).toMatch(LOGIN_HINT)
    await acceptPassword(right)
    await daemon.ready()
    await daemon.stop()
    expect(daemon.output()).not.toContain('wr0ng')
  })

  test('is no error of a daemon that is stopped while it waits', async () => {
    await using daemon = await Daemon.prepare({
      rules: RULES,
      sourceUrl: mysql.url,
      env: { BINGO_CHECKPOINT_STORE: url() },
    })
    daemon.spawn()
    await daemon.says({ msg: 'waiting for the checkpoint store' })
    expect(await daemon.stop()).toBe(0)
  })

  test.each(commandsOf(reply))('ends bingo %s with status 4 and a remedy', async (line, variable) => {
    const { code, stderr } = await bingo(line.split(' '), { env: { [variable]: url() } })
    expect(code).toBe(4)
    expect(stderr).toContain(`refuses the login: ${reply}`)
    expect(stderr).toMatch(/→ Check user and password in the address/)
    expect(stderr).not.toContain('wr0ng')
  })
})

test('a wrong password for the Redis of the dead letters is named by /readyz, with a remedy in the log', async () => {
  await using daemon = await Daemon.prepare({
    rules: RULES,
    sourceUrl: mysql.url,
    env: { BINGO_DEAD_LETTERS_STORE: wrong() },
  })
  daemon.spawn()
  await eventually('/readyz names the store', async () => (await daemon.reasons()).includes('BINGO_REDIS_UNREACHABLE'))
  const [line] = await daemon.says(({ msg }) => msg.startsWith('dead-letter store unavailable'))
  expect(line['hint']).toMatch(LOGIN_HINT)
  await acceptPassword('wr0ng')
  await daemon.ready()
})

test('a target that refuses the login is logged with a remedy', async () => {
  const action = `{type: sql, url: "mysql://nobody:wr0ng@127.0.0.1:${mysql.port}/shop", statement: "INSERT INTO t (id) VALUES (?)", params: ["{{id}}"]}`
  await using daemon = await Daemon.start({
    rules: `rules: [{id: all, table: shop.u, actions: [${action}]}]`,
    sourceUrl: mysql.url,
  })
  await mysql.query('CREATE TABLE shop.u (id INT PRIMARY KEY); INSERT INTO shop.u VALUES (1)')
  await eventually('it is down', async () => (await daemon.reasons()).includes('BINGO_TARGET_DOWN'))
  const [line] = await daemon.says(({ msg }) => msg.startsWith('target is down'))
  expect(line).toMatchObject({
    code: 'BINGO_SQL_UNREACHABLE',
    hint: 'Check user and password in the address.',
  })
})
