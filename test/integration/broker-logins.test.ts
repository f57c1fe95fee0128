import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dialNats, jetstreamOf } from '../../src/clients/nats/nats.ts'
import { natsLogin } from '../../src/clients/nats/login.ts'
import { natsOptions } from '../../src/clients/nats/options.ts'
import { parseEngineAddress } from '../../src/clients/address/engine.ts'
import { brokerDaemon, listOf, started } from '../support/broker-daemon.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { Daemon, eventually, freePort } from '../support/daemon.ts'
import { newEvent, post } from '../support/events/new-event.ts'
import { openStore } from '../support/events/store-url.ts'
import { KafkaPublisher } from '../support/kafka-publisher.ts'
import { newUserKey, operatorMode } from '../support/nats-logins.ts'
import { startKafka, type KafkaNode } from '../support/servers/kafka.ts'
import { KAFKA_USER } from '../support/servers/kafka-properties.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import type { TestServer } from '../support/servers/test-server.ts'

/** One way into a server. `good` and `wrong` end before options: `?` or `&` and more may follow. */
interface Door {
  readonly title: string
  readonly type: 'kafka' | 'nats' | 'redis'
  readonly good: string
  readonly wrong: string
  /** Whoever has none may be told so by an alert of TLS, or may just be cut off: there is nothing to tell them apart by then. */
  readonly isCutOff?: boolean
  publish(): Promise<void>
}

const TOPIC = 'shop.orders'
const WRONG = 'mistaken-secret'
const RIGHT = 'right-secret'

let folder: string
let authority: CertificateAuthority
let redis: RedisServer
let kafka: KafkaNode
let publisher: KafkaPublisher
const servers: { stop(): Promise<unknown> }[] = []
const secrets: string[] = [WRONG, RIGHT, KAFKA_USER.password]
let doors: readonly Door[] = []

async function fileOf(name: string, content: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

async function natsWith(config: string): Promise<TestServer> {
  const server = await startNats({ config })
  servers.push(server)
  return server
}

/** Makes the stream, and publishes, by the login itself. */
async function natsDoor(title: string, good: string, wrong: string): Promise<Door> {
  const withClient = async (
    work: (client: Awaited<ReturnType<typeof dialNats>>) => Promise<unknown>,
  ): Promise<void> => {
    const client = await dialNats(natsOptions(natsLogin(parseEngineAddress(good, 4222, good))))
    await work(client).finally(() => client.close())
  }
  await withClient(async (client) =>
    (await jetstreamOf(client).jetstreamManager()).streams.add({ name: 'SHOP', subjects: ['shop.>'] }),
  )
  const publish = () => withClient((client) => jetstreamOf(client).publish(TOPIC, '{"n": 1}'))
  return { title: `NATS, ${title}`, type: 'nats', good, wrong, publish }
}

async function natsDoors(): Promise<readonly Door[]> {
  const [user, stranger] = [newUserKey(), newUserKey()]
  const [mode, otherMode] = [operatorMode(), operatorMode()]
  secrets.push(user.seed, stranger.seed)
  const seed = await fileOf('user.nk', `${user.seed}\n`)
  const otherSeed = await fileOf('stranger.nk', stranger.seed)
  const creds = await fileOf('user.creds', mode.credentials)
  const otherCreds = await fileOf('stranger.creds', otherMode.credentials)
  const own = await authority.issue()
  const { certFile, keyFile } = await authority.issue({ commonName: 'bingo' })
  const tls = `tls {cert_file: "${own.certFile}", key_file: "${own.keyFile}", ca_file: "${authority.caFile}", verify: true}`
  const users = `authorization {users: [{user: bingo, password: "${RIGHT}"}, {nkey: ${user.publicKey}}]}`
  const [named, tokens, operated, mutual] = await Promise.all([
    natsWith(users),
    natsWith(`authorization {token: "${RIGHT}"}`),
    natsWith(mode.config),
    natsWith(tls),
  ])
  const host = ({ port }: TestServer): string => `127.0.0.1:${port}`
  const certified = `tls://localhost:${mutual.port}?ca=${authority.caFile}`
  return [
    await natsDoor('user and password', `nats://bingo:${RIGHT}@${host(named)}`, `nats://bingo:${WRONG}@${host(named)}`),
    await natsDoor('key of a user', `nats://${host(named)}?nkey=${seed}`, `nats://${host(named)}?nkey=${otherSeed}`),
    await natsDoor('token', `nats://${RIGHT}@${host(tokens)}`, `nats://${WRONG}@${host(tokens)}`),
    await natsDoor(
      'credentials',
      `nats://${host(operated)}?creds=${creds}`,
      `nats://${host(operated)}?creds=${otherCreds}`,
    ),
    await natsDoor('client certificate', `${certified}&cert=${certFile}&key=${keyFile}`, certified),
  ]
}

async function kafkaDoors(): Promise<readonly Door[]> {
  const { certFile, keyFile } = await authority.issue({ commonName: 'bingo' })
  await publisher.make(TOPIC)
  const publish = () => publisher.publish({ topic: TOPIC, key: 'k', value: '{"n": 1}' })
  const tls = `tls=verify-full&ca=${authority.caFile}`
  const bySasl = (mechanism: string): Door => {
    const url = (password: string) =>
      `kafka://${KAFKA_USER.username}:${password}@localhost:${kafka.ports.sasl}?sasl=${mechanism}&${tls}`
    return { title: `Kafka, ${mechanism}`, type: 'kafka', good: url(KAFKA_USER.password), wrong: url(WRONG), publish }
  }
  const certified = `kafka://localhost:${kafka.ports.tls}?${tls}`
  return [
    ...['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'].map(bySasl),
    {
      title: 'Kafka, client certificate',
      isCutOff: true,
      type: 'kafka',
      good: `${certified}&cert=${certFile}&key=${keyFile}`,
      wrong: certified,
      publish,
    },
  ]
}

async function redisDoors(): Promise<readonly Door[]> {
  const own = await authority.issue()
  const port = await freePort()
  const tls = ['--tls-port', String(port), '--tls-cert-file', own.certFile, '--tls-key-file', own.keyFile]
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always']
  const server = await startRedis({
    args: [...durable, ...tls, '--tls-ca-cert-file', authority.caFile, '--tls-auth-clients', 'yes'],
  })
  servers.push(server)
  await server.cli('ACL', 'SETUSER', 'bingo', 'on', `>${RIGHT}`, '~*', '&*', '+@all')
  const { certFile, keyFile } = await authority.issue({ commonName: 'bingo' })
  const publish = async (): Promise<void> => void (await server.cli('XADD', TOPIC, '*', 'value', '{"n": 1}'))
  const certified = `rediss://localhost:${port}?ca=${authority.caFile}`
  const url = (password: string): string => `redis://bingo:${password}@127.0.0.1:${server.port}`
  return [
    { title: 'Redis, ACL user', type: 'redis', good: url(RIGHT), wrong: url(WRONG), publish },
    {
      title: 'Redis, client certificate',
      isCutOff: true,
      type: 'redis',
      good: `${certified}&cert=${certFile}&key=${keyFile}`,
      wrong: certified,
      publish,
    },
  ]
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-logins-'))
  authority = await CertificateAuthority.create()
  const ofKafka = { ...(await authority.issue()), ca: authority.ca }
  ;[redis, kafka] = await Promise.all([startRedis(), startKafka({ tls: ofKafka })])
  publisher = new KafkaPublisher(kafka.port)
  servers.push(redis, kafka)
  doors = (await Promise.all([natsDoors(), kafkaDoors(), redisDoors()])).flat()
})
afterAll(async () => {
  await publisher[Symbol.asyncDispose]()
  await Promise.all(servers.map((server) => server.stop()))
  await authority[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const RULES = `rules:
  - {id: seen, on: "**", actions: [{type: redis, cmd: RPUSH, key: seen, value: "{{payload.n}}"}]}
`
const codesOf = (kind: 'BROKER' | 'LOG', { isCutOff }: Door): readonly string[] => [
  `BINGO_${kind}_REFUSED`,
  ...(isCutOff === true ? [`BINGO_${kind}_UNREACHABLE`] : []),
]

const READS = {
  kafka: `topics: [${TOPIC}], group: `,
  nats: 'stream: SHOP, durable: ',
  redis: `streams: [${TOPIC}], group: `,
} as const

const sourceOf = ({ type }: Door, url: string, name: string): string =>
  `{name: ${name}, type: ${type}, url: "${url}", ${READS[type]}${name}, format: json, from: earliest}`

function expectNoSecrets(text: string): void {
  for (const secret of secrets) expect(text.includes(secret)).toBe(false)
}

/** Of one that has ended: all of it. */
const printed = ({ log }: Daemon): string => JSON.stringify(log.lines) + log.stderr

describe('a broker as a source', () => {
  test('is read with each kind of login', async () => {
    // Doors of one server lead to the same records.
    for (const publish of new Set(doors.map((door) => door.publish))) await publish()
    const entries = doors.map((door, i) => sourceOf(door, door.good, `door-${i}`))
    await using daemon = await started(await brokerDaemon(entries.join('\n  - '), RULES, redis))
    const seen = async (): Promise<readonly string[]> => listOf(redis, 'seen')
    await eventually('every door has brought a record', async () => (await seen()).length >= doors.length)
    await daemon.stop()
    expectNoSecrets(printed(daemon))
  })

  test('that refuses a login says so, source by source, and never prints a secret', async () => {
    const entries = doors.map((door, i) => sourceOf(door, door.wrong, `door-${i}`))
    await using daemon = await brokerDaemon(entries.join('\n  - '), RULES, redis, { BINGO_NAME: 'refused' })
    daemon.spawn()
    for (const [i, door] of doors.entries()) {
      // On a slow machine an attempt may have ended by its time before the broker said anything.
      await daemon.says(({ code = '', source }) => source === `door-${i}` && codesOf('BROKER', door).includes(code))
    }
    await daemon.stop()
    expectNoSecrets(printed(daemon))
  })
})

/** Of events, with an index beside it where that is needed. Doors of one server share its stream or topic. */
function storeAt({ type }: Door, url: string, name: string): string {
  if (type === 'redis') return url
  const [base, options] = url.split('?')
  return `${base}/${name}${options === undefined ? '' : `?${options}`} file:${join(folder, `${name}.db`)}`
}

describe('a broker as the event log', () => {
  test('takes events with each kind of login', async () => {
    const answers: unknown[] = []
    for (const [i, door] of doors.entries()) {
      const provider = await openStore(storeAt(door, door.good, `events-${i}`), { name: `door-${i}` })
      const posted = await post(provider, [newEvent(`from-${i}`)]).catch((error: Error) => [{ tag: String(error) }])
      await provider.close()
      answers.push([door.title, posted[0]!.tag])
    }
    expect(answers).toEqual(doors.map(({ title }) => [title, 'stored']))
  })

  test('that refuses a login says so, and never prints a secret', async () => {
    for (const [i, door] of doors.entries()) {
      const provider = await openStore(storeAt(door, door.wrong, `refused-${i}`), { name: 'wrong' })
      const error: unknown = await post(provider, [newEvent(`from-${i}`)]).catch((reason: unknown) => reason)
      await provider.close()
      const { code, message, hint } = error as Error & { readonly code: string; readonly hint: string }
      expect([door.title, codesOf('LOG', door).includes(code), message]).toEqual([door.title, true, message])
      expect(door.isCutOff !== true || hint.includes('client certificate')).toBe(true)
      expectNoSecrets(message + hint)
    }
  })
})
