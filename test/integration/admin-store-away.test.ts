import { expect, test } from 'vitest'
import { Daemon } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

test.each(['SIGSTOP', 'SIGKILL'] as const)(
  'metrics and status answer while the store of the dead letters does not (%s)',
  async (signal) => {
    await using mysql = await startMysql({ gtid: true })
    await using redis = await startRedis({})
    await using daemon = await Daemon.start({
      rules: 'rules:\n  - {id: all, table: shop.*, actions: [{type: log, path: stdout}]}\n',
      sourceUrl: mysql.url,
      env: { BINGO_DEAD_LETTERS_STORE: redis.url },
    })
    expect(await daemon.metric('bingo_dead_letters')).toBe(0)
    await redis.kill(signal)
    expect((await daemon.get('/metrics')).status).toBe(200)
    expect(await daemon.metric('bingo_dead_letters')).toBeUndefined()
    const { status, text } = await daemon.get('/status')
    expect(status).toBe(200)
    expect(JSON.parse(text)).toMatchObject({ deadLetters: { count: null } })
    await redis.kill('SIGCONT')
  },
)
