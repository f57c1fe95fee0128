import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { Kafka, logLevel } from 'kafkajs'
import { connect as connectNats } from '@nats-io/transport-node'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Connection as Rabbitmq } from 'rabbitmq-client'
import { describe, expect, it } from 'vitest'
import { runCommand } from '../../src/demo/servers/command.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { mysqlTool, startMysql } from '../support/servers/mysql.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRabbitmq } from '../support/servers/rabbitmq.ts'
import { startRedis } from '../support/servers/redis.ts'

describe('MySQL and MariaDB for tests', () => {
  it('start with the given binlog options, several at once, and report their version', async () => {
    await using mysql = await startMysql({ gtid: false, rowMetadata: 'MINIMAL', rowImage: 'NOBLOB', checksum: 'NONE' })
    await using old = await startMariadb({ version: '10.11', rowMetadata: 'NO_LOG' })
    await using recent = await startMariadb({ version: '11.8' })
    expect(mysql.version).toMatch(/^\d+\.\d+\.\d+/)
    expect(old.version).toMatch(/^10\.11\..*MariaDB/)
    expect(recent.version).toMatch(/^11\.8\..*MariaDB/)
    const names = '@@binlog_row_metadata AS metadata, @@binlog_row_image AS image, @@binlog_checksum AS checksum'
    expect(await mysql.query(`SELECT ${names}, @@gtid_mode AS gtid`)).toEqual([
      { metadata: 'MINIMAL', image: 'NOBLOB', checksum: 'NONE', gtid: 'OFF' },
    ])
    expect(await old.query(`SELECT ${names}`)).toEqual([{ metadata: 'NO_LOG', image: 'FULL', checksum: 'CRC32' }])
    expect(await recent.query(`SELECT ${names}`)).toEqual([{ metadata: 'FULL', image: 'FULL', checksum: 'CRC32' }])
  })

  it.each([
    ['MySQL', startMysql],
    ['MariaDB', startMariadb],
  ])('%s keeps its port, its data and its identity over a kill and a restart', async (_title, start) => {
    await using server = await start()
    await server.query('CREATE DATABASE shop')
    await server.query('CREATE TABLE shop.users (id INT PRIMARY KEY)')
    await server.query('INSERT INTO shop.users VALUES (1)')
    const [before] = await server.query('SELECT @@server_id AS id, @@port AS port')
    await server.kill()
    await server.restart()
    expect(await server.query('SELECT id FROM shop.users')).toEqual([{ id: 1 }])
    expect(await server.query('SELECT @@server_id AS id, @@port AS port')).toEqual([before])
  })

  it.each([
    ['MySQL', startMysql],
    ['MariaDB', startMariadb],
  ])('%s is queried over another connection when it has closed the one before', async (_title, start) => {
    await using server = await start({ gtid: true })
    const [{ id } = { id: 0 }] = await server.query<{ id: number }>('SELECT CONNECTION_ID() AS id')
    const other = await server.connect()
    await other.query(`KILL ${id}`)
    await other.end()
    await expect.poll(() => server.query('SELECT CONNECTION_ID() > ? AS isNew', [id])).toEqual([{ isNew: 1 }])
  })

  it('report how a server ended that nobody here has ended, with the end of its log', async () => {
    await using server = await startMariadb({ gtid: true })
    await server.query('SELECT 1')
    process.kill(server.process!.pid!, 'SIGKILL')
    await expect
      .poll(() => server.query('SELECT 1').catch((error: unknown) => error))
      .toMatchObject({
        code: 'BINGO_SERVER_ENDED',
        message: expect.stringMatching(/^MariaDB ended with SIGKILL\n[^]*ready for connections/) as string,
      })
  })

  it('have identities of their own, although their data folders are copies', async () => {
    await using one = await startMysql()
    await using other = await startMysql()
    const uuid = 'SELECT @@server_uuid AS uuid'
    expect(await one.query(uuid)).not.toEqual(await other.query(uuid))
  })

  it('come with the tools of the same version', async () => {
    expect(await runCommand(await mysqlTool('mysqlbinlog', ['--version']))).toContain('mysqlbinlog')
  })

  it('report in one error what was tried if the server does not know an option', async () => {
    await expect(startMysql({ args: ['--no-such-option'] })).rejects.toMatchObject({
      code: 'BINGO_SERVER_UNAVAILABLE',
      message: expect.stringContaining('no-such-option') as string,
    })
  })
})

describe('the servers behind actions', () => {
  it('Redis keeps a value, and forgets it with its process', async () => {
    await using redis = await startRedis()
    await redis.cli('SET', 'key', 'value')
    expect((await redis.cli('GET', 'key')).trim()).toBe('value')
    await redis.kill()
    await redis.restart()
    expect((await redis.cli('DBSIZE')).trim()).toBe('0')
  })

  it('Redis answers as its own client prints it', async () => {
    await using redis = await startRedis()
    await redis.cli('MSET', 'text', 'ä "b"\r\n', 'empty', '')
    await redis.cli('RPUSH', 'list', '1', 'two', '')
    await redis.cli('-n', '3', 'SET', 'other', 'x')
    const commands = [
      ['GET', 'text'],
      ['GET', 'none'],
      ['MGET', 'text', 'none', 'empty'],
      ['LRANGE', 'list', '0', '-1'],
      ['LRANGE', 'none', '0', '-1'],
      ['DBSIZE'],
      ['EVAL', 'return {1, {2, {3, "x"}}, false}', '0'],
      ['LLEN', 'text'],
      ['NO-SUCH-COMMAND'],
    ].flatMap((command) => [command, ['-n', '3', ...command]])
    for (const command of commands) {
      // An option that only redis-cli itself knows.
      expect(await redis.cli(...command), command.join(' ')).toBe(await redis.cli('--no-auth-warning', ...command))
    }
    await redis.kill()
    await expect(redis.cli('DBSIZE')).rejects.toThrow('ECONNREFUSED')
  })

  it('Kafka accepts a record and returns its offset', async () => {
    await using server = await startKafka()
    const kafka = new Kafka({ brokers: [server.url], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'users', numPartitions: 1 }] })
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 'users', acks: -1, messages: [{ key: '1', value: 'one' }] })
    expect(await admin.fetchTopicOffsets('users')).toMatchObject([{ partition: 0, offset: '1' }])
    await producer.disconnect()
    await admin.disconnect()
  })

  it('RabbitMQ confirms a message and hands it out, also after a restart', async () => {
    await using server = await startRabbitmq()
    const producer = new Rabbitmq(server.url)
    await producer.queueDeclare({ queue: 'users', durable: true })
    const publisher = producer.createPublisher({ confirm: true })
    await publisher.send({ routingKey: 'users', durable: true }, 'one')
    await publisher.close()
    await producer.close()
    await server.restart()
    const consumer = new Rabbitmq(server.url)
    expect((await consumer.basicGet('users'))?.body).toBe('one')
    await consumer.close()
  })

  it('NATS stores a message in a stream', async () => {
    await using server = await startNats()
    const connection = await connectNats({ servers: server.url })
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name: 'SHOP', subjects: ['shop.>'] })
    expect(await jetstream(connection).publish('shop.users', 'one')).toMatchObject({ stream: 'SHOP', seq: 1 })
    await connection.close()
  })
})

describe('what is left of a server', () => {
  it('is nothing, when the process that started it is killed without a chance to clean up', async () => {
    const parent = spawn(process.execPath, [new URL('../support/forgetful-process.ts', import.meta.url).pathname], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const line = await new Promise<string>((resolve) => parent.stdout.once('data', (data) => resolve(String(data))))
    const [pid = '', folder = ''] = line.trim().split(' ')
    expect(await exists(folder)).toBe(true)
    parent.kill('SIGKILL')
    await expect.poll(() => exists(folder)).toBe(false)
    await expect.poll(() => isAlive(Number(pid))).toBe(false)
  })

  it('is nothing, when it was stopped', async () => {
    const redis = await startRedis()
    const { folder, pid } = redis.process
    await redis.stop()
    expect(await exists(folder)).toBe(false)
    expect(isAlive(pid ?? 0)).toBe(false)
  })
})

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
