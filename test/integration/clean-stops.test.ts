import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokerDaemon, started } from '../support/broker-daemon.ts'
import { ENGINES, type Engine } from '../support/broker-house.ts'
import { NumberedPublisher, startPublished, type PublishedBroker } from '../support/broker-publishers.ts'
import { inForm } from '../support/forms.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

const KEYS = 24
const PUBLISHERS = 4
const PAUSE_MS = 50
/** Actions are in flight whenever something stops; all of them end before the deadline of a stop. */
const ANSWER_MS = 40
/** Between two stops at least so many records come. */
const RECORDS_PER_STOP = 40
const STOPS = inForm({ short: 2, long: 4 })

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

/** Receives `{id, key, n}`, slowly. */
async function slowReceiver(): Promise<WebhookReceiver> {
  const receiver = await WebhookReceiver.start()
  receiver.answer = (_, response) => {
    setTimeout(() => response.writeHead(204).end(), ANSWER_MS)
    return undefined
  }
  return receiver
}

const rulesTo = ({ url }: WebhookReceiver): string => `rules:
  - {id: seen, on: "**", actions: [{type: webhook, url: "${url}", body: {id: "{{event.id}}", key: "{{key}}", n: "{{payload.n}}"}}]}
`

interface Arrivals {
  readonly all: readonly string[]
  readonly repeated: readonly string[]
  readonly reordered: readonly string[]
}

function arrivalsAt({ requests }: WebhookReceiver): Arrivals {
  const all: string[] = []
  const repeated: string[] = []
  const reordered: string[] = []
  const ids = new Set<string>()
  const newest = new Map<string, number>()
  for (const { body } of requests) {
    const { id, key, n } = JSON.parse(body) as { id: string; key: string; n: number }
    all.push(`${key}:${n}`)
    // One that the publisher has published twice, since it was not answered, is two records.
    if (ids.has(id)) repeated.push(`${id} ${key}:${n}`)
    else if (n < (newest.get(key) ?? 0)) reordered.push(`${key}:${n}`)
    ids.add(id)
    newest.set(key, Math.max(newest.get(key) ?? 0, n))
  }
  return { all, repeated, reordered }
}

/** Runs `stop` so many times while records come, until everything has arrived. */
async function duringRecords(
  broker: Pick<PublishedBroker, 'publish'>,
  receiver: WebhookReceiver,
  stops: number,
  stop: (i: number) => Promise<void>,
): Promise<Arrivals> {
  const publisher = new NumberedPublisher(broker, KEYS)
  publisher.start(PUBLISHERS, Infinity, PAUSE_MS)
  for (let i = 0; i < stops; i++) {
    const wanted = receiver.requests.length + RECORDS_PER_STOP
    await eventually('more records come', () => Promise.resolve(receiver.requests.length >= wanted))
    await stop(i)
  }
  await publisher.stop()
  await eventually('everything has arrived', () =>
    Promise.resolve(new Set(arrivalsAt(receiver).all).size === publisher.total),
  )
  return arrivalsAt(receiver)
}

const entryOf = ({ reads }: PublishedBroker): string => `{name: orders, ${reads}, format: json, from: earliest}`

async function cleanly(daemon: Daemon): Promise<void> {
  expect(await daemon.stop()).toBe(0)
}

describe.each(ENGINES)('%s as a source', (engine: Engine) => {
  let broker: PublishedBroker

  beforeAll(async () => {
    broker = await startPublished(engine)
  })
  afterAll(async () => {
    await broker.close()
    await broker.server.stop()
  })

  test('an instance that is stopped in the middle of a stream and started again repeats no record', async () => {
    await using receiver = await slowReceiver()
    await using daemon = await started(await brokerDaemon(entryOf(broker), rulesTo(receiver), redis))
    const { repeated, reordered } = await duringRecords(broker, receiver, STOPS, async () => {
      await cleanly(daemon)
      await started(daemon)
    })
    expect({ repeated, reordered }).toEqual({ repeated: [], reordered: [] })
    // What it had and did not acknowledge would come to the next ones.
    await cleanly(daemon)
  })

  test('two instances of one group that are stopped and started in turn repeat no record', async () => {
    await using receiver = await slowReceiver()
    await using stack = new AsyncDisposableStack()
    const daemons: Daemon[] = []
    for (const name of [`${engine}-first`, `${engine}-second`]) {
      const env = { BINGO_NAME: name, BINGO_CHECKPOINT_STORE: redis.url }
      daemons.push(stack.use(await brokerDaemon(entryOf(broker), rulesTo(receiver), redis, env)))
    }
    for (const daemon of daemons) await started(daemon)
    const { repeated, reordered } = await duringRecords(broker, receiver, STOPS, async (i) => {
      const daemon = daemons[i % 2]!
      await cleanly(daemon)
      await started(daemon)
    })
    expect({ repeated, reordered }).toEqual({ repeated: [], reordered: [] })
  })
})

interface LogServer {
  readonly url: string
  stop(): Promise<unknown>
}

const SERVERS: { readonly [engine in 'nats' | 'redis']: () => Promise<LogServer> } = {
  nats: startNats,
  redis: () => startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }),
}

test.each(['nats', 'redis'] as const)(
  '%s as the event log: an instance that is stopped in the middle of events and started again repeats none',
  async (engine) => {
    const server = await SERVERS[engine]()
    await using receiver = await slowReceiver()
    try {
      const env = { BINGO_EVENTS_STORE: server.url, BINGO_NAME: `log-${engine}` }
      await using daemon = await Daemon.start({ rules: rulesTo(receiver), sourceUrl: '', env })
      // Posted again under its id where an answer is missing, it is the same event.
      const publish = async (key: string, value: string): Promise<void> => {
        const payload = JSON.parse(value) as { n: number }
        const event = { id: `${key}-${payload.n}`, type: 'shop.order.create', key, payload }
        const answer = await fetch(`http://127.0.0.1:${daemon.adminPort}/api/v1/events`, {
          method: 'POST',
          body: JSON.stringify({ event }),
          headers: { 'content-type': 'application/json' },
        })
        if (answer.status !== 200) throw new Error(await answer.text())
      }
      const { repeated, reordered } = await duringRecords({ publish }, receiver, STOPS, async () => {
        await cleanly(daemon)
        await started(daemon)
      })
      expect({ repeated, reordered }).toEqual({ repeated: [], reordered: [] })
    } finally {
      await server.stop()
    }
  },
)
