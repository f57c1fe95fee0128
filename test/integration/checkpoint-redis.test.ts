import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openCheckpointStore } from '../../src/state/open.ts'
import { checkpointKey } from '../../src/state/checkpoint/redis-store.ts'
import { openRedis } from '../../src/clients/redis/redis.ts'
import { recordingLog, type LogLine } from '../support/recording-source.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { storedCheckpoint as checkpoint } from '../support/checkpoints.ts'

describe('a checkpoint in Redis', () => {
  let redis: RedisServer
  const lines: LogLine[] = []
  const log = recordingLog(lines)

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())
  beforeEach(() => redis.cli('FLUSHALL'))

  const open = (name = 'bingo') =>
    openCheckpointStore({ checkpoint: `${redis.url}/1`, deadLetters: undefined, name, log })

  it('is null before the first save, and is loaded unchanged', async () => {
    const store = await open()
    expect(await store.load()).toBeNull()
    await store.save(checkpoint)
    expect(await store.load()).toEqual(checkpoint)
    await store.close()
  })

  it('is kept per instance name', async () => {
    const one = await open('one')
    const two = await open('two')
    await one.save({ ...checkpoint, name: 'one' })
    expect(await two.load()).toBeNull()
    await Promise.all([one.close(), two.close()])
  })

  it('refuses a save with a lower epoch, and accepts equal and higher ones', async () => {
    const store = await open()
    await store.save(checkpoint)
    await store.save({ ...checkpoint, savedAt: 2 })
    await store.save({ ...checkpoint, epoch: 6 })
    await expect(store.save(checkpoint)).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_FENCED', retryable: false })
    expect(await store.load()).toMatchObject({ epoch: 6 })
    await store.close()
  })

  it('is refused as corrupt when it was changed by hand, or is of another type', async () => {
    const store = await open()
    await store.save(checkpoint)
    const raw = openRedis(`${redis.url}/1`, { log, name: 'test' })
    await raw.whenReady(5_000)
    const stored = await raw.client.get(checkpointKey('bingo'))
    await raw.client.set(checkpointKey('bingo'), stored!.replace('1234', '1235'))
    await expect(store.load()).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_CORRUPT' })
    await raw.client.set(checkpointKey('bingo'), 'garbage')
    await expect(store.load()).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_CORRUPT' })
    await raw.close()
    await store.close()
  })

  it('reports a Redis that is down as unreachable, and works again when it is back', async () => {
    const store = await open()
    await store.save(checkpoint)
    await redis.kill('SIGKILL')
    await expect(store.save(checkpoint)).rejects.toMatchObject({
      code: 'BINGO_CHECKPOINT_UNREACHABLE',
      retryable: true,
    })
    await redis.restart()
    expect(await store.load()).toBeNull()
    await store.save(checkpoint)
    await store.close()
  })
})

describe('a Redis connection', () => {
  it('runs a command once at most, whatever happens to the reply', async () => {
    await using redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    const connection = openRedis(redis.url, { log: recordingLog([]), name: 'test', commandTimeoutMs: 1_000 })
    await connection.whenReady(5_000)
    await redis.kill('SIGSTOP')
    const lost = connection.client.incr('counter')
    await expect(lost).rejects.toThrow('timed out')
    await redis.kill('SIGCONT')
    await expect.poll(() => connection.client.get('counter')).toBe('1')
    await redis.kill('SIGSTOP')
    const cut = connection.client.incr('counter')
    cut.catch(() => undefined)
    await redis.kill('SIGKILL')
    await expect(cut).rejects.toThrow('max retries')
    expect(connection.ready).toBe(false)
    await expect(connection.client.incr('counter')).rejects.toThrow('writeable')
    await redis.restart()
    await connection.whenReady(10_000)
    expect(Number(await connection.client.get('counter'))).toBeLessThanOrEqual(2)
    await connection.close()
  })

  it('names the address but not the password in what it reports', async () => {
    await using redis = await startRedis({ args: ['--requirepass', 'right'] })
    const lines: LogLine[] = []
    const url = redis.url.replace('redis://', 'redis://:wr0ng@')
    const connection = openRedis(url, { log: recordingLog(lines), name: 'test' })
    await expect(connection.whenReady(500)).rejects.toMatchObject({ code: 'BINGO_REDIS_UNREACHABLE' })
    const { message } = connection.unreachable()
    expect(message).toContain('WRONGPASS')
    expect(JSON.stringify(lines) + message).not.toContain('wr0ng')
    await connection.close()
  })
})
