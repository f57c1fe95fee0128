import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPipeline, type BrokerSourceOptions } from '../../src/index.ts'
import { brokerDaemon, listOf, started } from '../support/broker-daemon.ts'
import { ENGINES, openHouse, PASSWORD, type BrokerHouse } from '../support/broker-house.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { eventually } from '../support/daemon.ts'
import { Collector } from '../support/library.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { bingo, ndjson } from './cli-process.ts'
import { inTurns } from '../support/forms.ts'

const RULES = 'rules: [{id: all, on: "**", actions: [{type: log}]}]'
const RPUSH = 'rules: [{id: all, on: "**", actions: [{type: redis, cmd: RPUSH, key: seen, value: "{{payload.n}}"}]}]'
const COLLECT = 'rules: [{id: all, on: "**", actions: [{type: collect}]}]'

let folder: string
let authority: CertificateAuthority
let redis: RedisServer
let configs = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-brokers-'))
  ;[authority, redis] = await Promise.all([CertificateAuthority.create(), startRedis()])
})
afterAll(async () => {
  await redis.stop()
  await authority[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** The environment of a command whose configuration has these sources. */
async function envOf(...entries: readonly string[]): Promise<Record<string, string>> {
  const config = join(folder, `config-${++configs}.yaml`)
  const rules = join(folder, 'rules.yaml')
  await writeFile(config, `sources:\n${entries.map((entry) => `  - ${entry}\n`).join('')}`)
  await writeFile(rules, RULES)
  return { BINGO_CONFIG: config, BINGO_RULES: rules, BINGO_CHECKPOINT_STORE: 'memory:' }
}

async function checked(entry: string) {
  const { code, stdout } = await bingo(['check', '--online', '--json'], { env: await envOf(entry) })
  const { rules, problems } = JSON.parse(stdout) as {
    rules: number
    problems: { code: string; message: string; hint: string }[]
  }
  return { code, rules, problems: problems.filter((problem) => problem.code.startsWith('BINGO_BROKER')) }
}

/** What each engine answers to a check is its own; how a daemon, a command and a library read from it is the same. */
const sharing = inTurns(ENGINES)

describe.each(ENGINES)('%s as a source', (engine) => {
  const shared = sharing(engine)
  let house: BrokerHouse
  const entry = (url: string, topics: readonly string[] = [house.pattern], more = ''): string =>
    `{name: orders, type: ${engine}, url: "${url}", ${house.reads(...topics)}, format: json, from: earliest${more}}`

  beforeAll(async () => {
    house = await openHouse(engine, authority)
    for (let n = 0; n < 3; n++) await house.publish(`k${n}`, JSON.stringify({ n }))
  })
  afterAll(() => house.stop())

  test('check --online finds what is there through TLS and a login, and names topics and patterns that match nothing', async () => {
    expect(await checked(entry(house.secured(), [house.topic, house.pattern]))).toEqual({
      code: 0,
      rules: 1,
      problems: [],
    })
    const { code, problems } = await checked(entry(house.url, [house.pattern, house.nowhere, 'missing.one']))
    expect(code).toBe(0)
    expect(problems).toMatchObject([{ code: 'BINGO_BROKER_NOTHING' }])
    expect(problems[0]!.message).toContain(`nothing that matches ${house.nowhere}, missing.one`)
  })

  test('check --online tells a refused login from a broker that is down', async () => {
    const refused = await checked(entry(house.secured('mistaken')))
    expect(refused).toMatchObject({ code: 1, problems: [{ code: 'BINGO_BROKER_REFUSED' }] })
    expect(refused.problems[0]!.hint).toMatch(/^Check user(,| and) password/)
    expect(JSON.stringify(refused)).not.toContain('mistaken')
    const closed = entry(house.url.replace(/:\d+(?=\?|$)/, ':1'))
    expect(await checked(closed)).toMatchObject({ code: 1, problems: [{ code: 'BINGO_BROKER_UNREACHABLE' }] })
  })

  test('a certificate of another authority is refused as such', async () => {
    await using stranger = await CertificateAuthority.create('Another authority')
    const { problems } = await checked(entry(house.secured().replace(authority.caFile, stranger.caFile)))
    expect(problems).toMatchObject([{ code: 'BINGO_BROKER_UNREACHABLE' }])
    expect(problems[0]!.message).toMatch(/certificate/)
  })

  shared('the daemon reads through TLS and a login, and says when the login is refused', async () => {
    await redis.cli('FLUSHALL')
    {
      await using daemon = await started(await brokerDaemon(entry(house.secured()), RPUSH, redis))
      await eventually('all are seen', async () => (await listOf(redis, 'seen')).length >= 3)
      expect(await daemon.stop()).toBe(0)
    }
    const wrong = entry(
      house.secured('mistaken'),
      [house.pattern],
      `, ${engine === 'nats' ? 'durable' : 'group'}: other`,
    )
    await using daemon = await brokerDaemon(wrong, RPUSH, redis)
    daemon.spawn()
    await daemon.says({ code: 'BINGO_BROKER_REFUSED' })
    await daemon.stop()
    expect(JSON.stringify(daemon.log)).not.toContain('mistaken')
  })

  shared(
    'tail prints its events through a login, beside others and without a trace, and explain reads them',
    async () => {
      const env = await envOf(entry(house.secured()))
      const tailed = await bingo(['tail', '--from', 'earliest', '--until-idle', '1s'], { env })
      expect(tailed.code).toBe(0)
      const events = ndjson(tailed.stdout)
      expect(events.map(({ payload }) => payload).toSorted(byNumber)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }])
      expect(events.map(({ key }) => String(key)).toSorted()).toEqual(['k0', 'k1', 'k2'])
      const explained = await bingo(['explain'], { env, input: tailed.stdout })
      expect(explained.code).toBe(0)
      expect(explained.stdout).toMatch(/all matches/)
      const again = await bingo(['tail', '--from', 'earliest', '--limit', '2'], { env })
      expect(ndjson(again.stdout)).toHaveLength(2)
    },
  )

  shared(
    'tail begins with the newest or at a time, chooses a source, and refuses what is not a place or a source',
    async () => {
      const env = await envOf(entry(house.url), entry(house.url).replace('name: orders', 'name: others'))
      const until = ['--until-idle', '500ms']
      expect((await bingo(['tail', ...until], { env })).stdout).toBe('')
      const past = ['tail', '--source', 'others', '--from', '2020-01-01', ...until]
      expect(ndjson((await bingo(past, { env })).stdout)).toHaveLength(3)
      const place = await bingo(['tail', '--from', 'binlog.000001:4'], { env })
      expect(place.stderr).toContain('BINGO_START_INVALID')
      expect(place.stderr).toContain('Write earliest, latest or a time')
      const unknown = await bingo(['tail', '--source', 'order'], { env })
      expect(unknown.stderr).toContain('Did you mean "orders"?')
    },
  )

  shared(
    'a pipeline of the library reads it, keeps unreadable records as dead letters, and resumes behind what is done',
    async () => {
      const type = engine
      const reads = { kafka: { topics: ['shop.*'] }, nats: { stream: 'SHOP' }, redis: { streams: ['shop.*'] } }[engine]
      const source = { type, url: house.secured(), format: 'json', from: 'earliest', ...reads } as BrokerSourceOptions
      const collector = new Collector()
      const run = async (wanted: number, letters: number): Promise<void> => {
        const stop = new AbortController()
        const state = `${redis.url}/3`
        const targets = [collector.type()]
        const pipeline = await createPipeline({
          name: `library-${engine}`,
          sources: [source],
          rules: COLLECT,
          targets,
          state,
        })
        const running = pipeline.run(stop.signal)
        await expect.poll(() => collector.messages.length, { timeout: 60_000 }).toBe(wanted)
        await expect.poll(() => countOf(pipeline.deadLetters()), { timeout: 60_000 }).toBe(letters)
        expect(Object.keys(pipeline.stats().sources)).toEqual([engine])
        stop.abort()
        await running
      }
      await run(3, 0)
      await house.publish('k1', '{"n":')
      await house.publish('k1', '{"n": 4}')
      await run(4, 1)
      expect(collector.messages.at(-1)!.body).toMatchObject({ payload: { n: 4 } })
    },
  )
})

test('the library refuses a type of source that it does not know, and an address that is not one of that broker', async () => {
  const open = (source: object) =>
    createPipeline({ name: 'wrong', sources: [source as BrokerSourceOptions], rules: RULES, state: 'memory:' })
  await expect(open({ type: 'kafak', url: 'kafka://h' })).rejects.toMatchObject({
    code: 'BINGO_PIPELINE_SOURCES',
    hint: expect.stringContaining('Did you mean "kafka"?'),
  })
  const secret = { type: 'redis', url: '${env:NOWHERE}', streams: 'a' }
  await expect(open(secret)).rejects.toMatchObject({ code: 'BINGO_CONFIG_SECRET' })
  await expect(open({ type: 'nats', url: 'redis://h', stream: 'S' })).rejects.toThrow(/not the address of NATS/)
  const twice = { type: 'redis', url: `redis://:${PASSWORD}@127.0.0.1:1`, streams: 'a' } as BrokerSourceOptions
  const both = createPipeline({ name: 'twice', sources: [twice, twice], rules: RULES, state: 'memory:' })
  await expect(both).rejects.toMatchObject({ code: 'BINGO_PIPELINE_SOURCES' })
})

async function countOf(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of items) count += 1
  return count
}

function byNumber(one: unknown, other: unknown): number {
  return (one as { n: number }).n - (other as { n: number }).n
}
