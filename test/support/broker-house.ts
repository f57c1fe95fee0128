import { dialNats, jetstreamOf, newHeaders } from '../../src/clients/nats/nats.ts'
import { CertificateAuthority } from './certificates.ts'
import { KafkaPublisher } from './kafka-publisher.ts'
import { startKafka } from './servers/kafka.ts'
import { KAFKA_USER } from './servers/kafka-properties.ts'
import { startNats } from './servers/nats.ts'
import { startRedis } from './servers/redis.ts'
import { freePort } from '../../src/demo/servers/ports.ts'

export const ENGINES = ['kafka', 'nats', 'redis'] as const
export type Engine = (typeof ENGINES)[number]

/** A broker of others, with one topic that is there, and TLS and a login beside the plain door. */
export interface BrokerHouse {
  readonly engine: Engine
  /** A door without the login; of NATS with another one. */
  readonly url: string
  /** TLS and a login; another password where one is given. */
  secured(password?: string): string
  /** Of the entry of a source: what it reads. */
  reads(...topics: readonly string[]): string
  /** A pattern that matches the topic, and one that matches nothing. */
  readonly topic: string
  readonly pattern: string
  readonly nowhere: string
  publish(key: string, value: string): Promise<void>
  stop(): Promise<void>
}

/** Of every secured door. */
export const PASSWORD: string = KAFKA_USER.password

export async function openHouse(engine: Engine, authority: CertificateAuthority): Promise<BrokerHouse> {
  switch (engine) {
    case 'kafka':
      return kafkaHouse(authority)
    case 'nats':
      return natsHouse(authority)
    case 'redis':
      return redisHouse(authority)
  }
}

async function kafkaHouse(authority: CertificateAuthority): Promise<BrokerHouse> {
  const server = await startKafka({ tls: { ...(await authority.issue()), ca: authority.ca } })
  const publisher = new KafkaPublisher(server.port)
  await publisher.make('shop.orders')
  return {
    engine: 'kafka',
    url: `kafka://127.0.0.1:${server.port}`,
    secured: (password = PASSWORD) =>
      `kafka://bingo:${password}@localhost:${server.ports.sasl}?sasl=SCRAM-SHA-512&tls=verify-full&ca=${authority.caFile}`,
    reads: (...topics) => `topics: ${JSON.stringify(topics)}`,
    topic: 'shop.orders',
    pattern: 'shop.*',
    nowhere: 'nowhere.*',
    publish: (key, value) => publisher.publish({ topic: 'shop.orders', key, value }),
    stop: async () => {
      await publisher[Symbol.asyncDispose]()
      await server.stop()
    },
  }
}

async function natsHouse(authority: CertificateAuthority): Promise<BrokerHouse> {
  const { certFile, keyFile } = await authority.issue()
  const users = `authorization {users: [{user: bingo, password: "${PASSWORD}"}, {user: plain, password: plain}]}`
  const server = await startNats({ config: `tls {cert_file: "${certFile}", key_file: "${keyFile}"}\n${users}` })
  const tls = { caFile: authority.caFile }
  const withStream = async <T>(work: (client: Awaited<ReturnType<typeof dialNats>>) => Promise<T>): Promise<T> => {
    const client = await dialNats({ servers: `127.0.0.1:${server.port}`, user: 'plain', pass: 'plain', tls })
    try {
      return await work(client)
    } finally {
      await client.close()
    }
  }
  await withStream(async (client) => {
    const manager = await jetstreamOf(client).jetstreamManager()
    await manager.streams.add({ name: 'SHOP', subjects: ['shop.>'] })
  })
  return {
    engine: 'nats',
    url: `tls://plain:plain@127.0.0.1:${server.port}?ca=${authority.caFile}`,
    secured: (password = PASSWORD) => `tls://bingo:${password}@localhost:${server.port}?ca=${authority.caFile}`,
    reads: (...topics) => `stream: SHOP, subjects: ${JSON.stringify(topics)}`,
    topic: 'shop.orders',
    pattern: 'shop.*',
    nowhere: 'nowhere.>',
    publish: (key, value) =>
      withStream(async (client) => {
        const headers = newHeaders()
        headers.set('key', key)
        await jetstreamOf(client).publish('shop.orders', value, { headers })
      }),
    stop: () => server.stop(),
  }
}

async function redisHouse(authority: CertificateAuthority): Promise<BrokerHouse> {
  const { certFile, keyFile } = await authority.issue()
  const port = await freePort()
  const tls = ['--tls-port', String(port), '--tls-cert-file', certFile, '--tls-key-file', keyFile]
  const server = await startRedis({
    args: [...tls, '--tls-ca-cert-file', authority.caFile, '--tls-auth-clients', 'no'],
  })
  await server.cli('ACL', 'SETUSER', 'bingo', 'on', `>${PASSWORD}`, '~*', '&*', '+@all')
  await server.cli('XADD', 'shop.orders', '*', 'first', '0')
  await server.cli('XTRIM', 'shop.orders', 'MAXLEN', '0')
  return {
    engine: 'redis',
    url: server.url,
    secured: (password = PASSWORD) => `rediss://bingo:${password}@localhost:${port}?ca=${authority.caFile}`,
    reads: (...topics) => `streams: ${JSON.stringify(topics)}`,
    topic: 'shop.orders',
    pattern: 'shop.*',
    nowhere: 'nowhere:*',
    publish: async (key, value) => {
      await server.cli('XADD', 'shop.orders', '*', 'key', key, 'value', value)
    },
    stop: () => server.stop(),
  }
}
