import { afterAll, beforeAll, expect, test } from 'vitest'
import { keepLayout, layoutOf } from '../../src/app/scale/layout.ts'
import { changeLogExists } from '../../src/log/changes/exists.ts'
import { silentLog } from '../../src/model/silent-log.ts'
import { openInstanceState } from '../../src/state/open.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'

let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>
let nats: Awaited<ReturnType<typeof startNats>>

beforeAll(async () => {
  ;[mysql, redis, nats] = await Promise.all([startMysql({ gtid: true }), startRedis(), startNats()])
})

afterAll(() => Promise.all([mysql?.stop(), redis?.stop(), nats?.stop()]))

async function check(through: string, more: Readonly<Record<string, string>> = {}) {
  const env = {
    BINGO_NAME: 'checked',
    BINGO_SOURCE_URL: mysql.url,
    BINGO_CHECKPOINT_STORE: redis.url,
    BINGO_SCALE_THROUGH: through,
    ...more,
  }
  const { code, stdout } = await bingo(['check', '--online', '--json'], { env })
  const { problems } = JSON.parse(stdout) as { problems: readonly { severity: string; code: string }[] }
  const errors = problems.filter(({ severity }) => severity === 'error').map((each) => each.code)
  // There are no rules, which is not what is asked here.
  return { code, errors: errors.filter((each) => each !== 'BINGO_RULE_NO_FILES') }
}

test('check --online finds a log or a state store that is down, and makes nothing where there is no log yet', async () => {
  const through = `${nats.url}/unmade`
  expect(await check(through)).not.toMatchObject({
    errors: expect.arrayContaining([expect.stringMatching(/LOG|STATE/)]),
  })
  expect(await changeLogExists(through)).toBe(false)
  for (const down of ['nats://127.0.0.1:1/x', 'redis://127.0.0.1:1/1', 'kafka://127.0.0.1:1/x']) {
    const { code, errors } = await check(down)
    expect([code, errors]).toEqual([1, ['BINGO_LOG_UNREACHABLE']])
  }
  const { code, errors } = await check(through, { BINGO_CHECKPOINT_STORE: 'redis://127.0.0.1:1/0' })
  expect([code, errors]).toEqual([1, ['BINGO_STATE_UNREACHABLE']])
})

test('check --online finds a configuration that is not that of the reader', async () => {
  const settings = { name: 'checked', checkpoint: redis.url, deadLetters: undefined, log: silentLog }
  const { state, checkpoints } = await openInstanceState(settings)
  await keepLayout(state, layoutOf({ through: `${nats.url}/made`, shares: 8 }))
  await state.close()
  await checkpoints.close()
  expect(await check(`${nats.url}/made`)).toMatchObject({ code: 1, errors: ['BINGO_SCALE_MISMATCH'] })
  expect(await check(`${nats.url}/made`, { BINGO_SCALE_SHARES: '8' })).toMatchObject({ errors: [] })
})
