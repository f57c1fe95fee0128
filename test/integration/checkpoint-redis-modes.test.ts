import { describe, expect, it } from 'vitest'
import { openCheckpointStore } from '../../src/state/open.ts'
import { openRedis } from '../../src/clients/redis/redis.ts'
import { recordingLog } from '../support/recording-source.ts'
import { startRedis } from '../support/servers/redis.ts'
import { storedCheckpoint as checkpoint } from '../support/checkpoints.ts'

describe('a Redis Cluster', () => {
  it('keeps a checkpoint, and rejects commands at once while its node is down', async () => {
    // A lone node has met nobody who could have told it its address.
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] })
    await node.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await expect.poll(() => node.cli('CLUSTER', 'INFO')).toContain('cluster_state:ok')
    const log = recordingLog([])
    const checkpointStore = `redis+cluster://${node.host}:${node.port}`
    const store = await openCheckpointStore({ checkpoint: checkpointStore, deadLetters: undefined, name: 'bingo', log })
    await store.save(checkpoint)
    expect(await store.load()).toEqual(checkpoint)
    const connection = openRedis(`redis+cluster://${node.host}:${node.port}`, {
      log,
      name: 'test',
      commandTimeoutMs: 1_000,
    })
    await connection.whenReady(5_000)
    await node.kill('SIGSTOP')
    const lost = connection.client.incr('counter')
    await expect(lost).rejects.toThrow('timed out')
    await node.kill('SIGCONT')
    await expect.poll(() => connection.client.get('counter')).toBe('1')
    await node.kill('SIGKILL')
    await expect(connection.client.incr('counter')).rejects.toThrow(/./)
    await connection.close()
    await store.close()
  })
})
