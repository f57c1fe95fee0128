import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openEventProvider } from '../../../src/log/open.ts'
import { parseKafkaAddress } from '../../../src/log/kafka/address.ts'
import { parseNatsAddress } from '../../../src/log/nats/address.ts'
import { parseEventRedisAddress } from '../../../src/log/redis/address.ts'
import { parseSqlAddress } from '../../../src/clients/sql/address.ts'
import { newEvent, post } from '../../support/events/new-event.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-events-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['valkey://cache:6379/1', 'write redis://'],
  ['nats://broker:4222/log', 'needs events.index'],
  ['nats:broker', 'the scheme of NATS is nats://'],
  ['ws://broker', 'nats://'],
  ['kafka://broker:9092/events', 'needs events.index'],
  ['kafka+ssl://broker:9092/events', 'the scheme of Kafka is kafka://'],
  ['sqlite:/var/lib/events', 'file:'],
  ['memory://', 'memory:'],
  ['file:', 'the path is missing'],
  ['file://host/events', 'has a host'],
  ['/var/lib/events', 'scheme is not known'],
  ['', 'scheme is not known'],
  ['pgsql://db/events', 'postgres://'],
  ['https://events', 'web server'],
])('refuses %j as a store of events, and says what would be right', async (url, words) => {
  await expect(openEventProvider(url, { name: 'bingo' })).rejects.toMatchObject({
    code: 'BINGO_EVENTS_STORE_INVALID',
    message: expect.stringContaining(words) as string,
    hint: expect.stringMatching(/file:\/var\/lib\/bingo\/events/) as string,
  })
})

test('opens memory, a file, and a file in a folder that is called after the instance', async () => {
  const options = { name: 'shop/eu', maxEvents: 1 }
  const [memory, file, inFolder] = await Promise.all(
    ['memory:', `file:${folder}/events`, `file:${folder}/`].map((url) => openEventProvider(url, options)),
  )
  expect([memory!.description, file!.description]).toEqual(['memory:', `file:${folder}/events`])
  for (const provider of [memory!, file!, inFolder!]) {
    await post(provider, [newEvent(1)])
    await expect(post(provider, [newEvent(2)])).rejects.toMatchObject({ code: 'BINGO_LOG_FULL' })
    await provider.close()
  }
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(['events', 'shop_eu.events']))
})

test.each([
  ['mysql://app:secret@db', 'the name of the database is missing', 'mysql://user:password@host/bingo'],
  ['postgres://db/a/b', 'the name of the database is missing', 'postgres://'],
  ['mariadb:///events', 'the host is missing', 'mysql://user:password@host:3306/database'],
  ['mysql://db/x?ssl=true', '?ssl is not an option', 'tls=verify-full'],
  ['postgres://db/x?sslmode=require', '?sslmode is not an option', 'tls=verify-full'],
  ['postgres://db/x?tls=true', '?tls=true is not a mode', 'tls=verify-full'],
  ['mysql://db/x?ca=/etc/ca.pem', '?ca is for TLS', 'Add tls=verify-full'],
  ['mysql://db/x?tls=verify-full&ca=/nowhere/ca.pem', 'cannot read the TLS file /nowhere/ca.pem', 'Check the path'],
  ['nats://app:secret@n/a.b', '"a.b" is not a valid name of a stream', 'letters'],
  ['nats://app:secret@/log', 'the host is missing', 'nats://user:password@host:4222'],
  ['nats://app:secret@n:x/log', 'the port is not a number', 'nats://'],
  ['nats://app:pass#word@n/log', 'there is a /, ? or # before the @', 'nats://'],
  ['nats://app:secret@n/log?sync=1', '?sync=1 is not valid', 'always, interval'],
  ['nats://app:secret@n/log?replicas=2', '?replicas=2 is not valid', '1, 3, 5'],
  ['nats://app:secret@n/log?creds=/x', 'more than one login method', 'creds'],
  ['nats://n/log?ca=/x', '?ca is for TLS', 'tls=verify-full'],
  ['nats://n/log?stream=x', 'unknown option "stream"', 'replicas'],
  ['kafka://app:secret@k/a b', '"a b" is not a valid name of a topic', 'letters'],
  ['kafka://app:secret@k/x?sasl=gssapi', '?sasl=gssapi is not a mechanism', 'SCRAM-SHA-256'],
  ['kafka://k/x?sasl=PLAIN', '?sasl needs user and password', 'kafka://user:password@host:9092'],
  ['kafka://k/x?partitions=0', '?partitions=0 is not valid', 'from 1'],
  ['kafka://k/x?sync=never', '?sync=never is not valid', 'always, interval'],
  ['kafka://k/x?acks=1', 'unknown option "acks"', 'partitions'],
  ['mysql://db/x?charset=latin1', 'unknown option "charset"', 'Known: tls'],
  ['mysql://app:a%zz@db/x', 'invalid escape', '%25'],
  ['mysql://app:pass#word@db/x', 'there is a /, ? or # before the @', 'mysql://'],
])('refuses %j, and does not print its password', async (url, words, hint) => {
  const error: unknown = await openEventProvider(url, { name: 'bingo' }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'BINGO_EVENTS_STORE_INVALID',
    message: expect.stringContaining(words) as string,
    hint: expect.stringContaining(hint) as string,
  })
  expect(String(error)).not.toMatch(/secret|pass#/)
})

test('reads the addresses of database servers', () => {
  expect(parseSqlAddress('mariadb://app:p%40ss@[::1]:3307/shop%2Fevents?tls=disable')).toEqual({
    flavour: 'mysql',
    host: '::1',
    port: 3307,
    user: 'app',
    password: 'p@ss',
    database: 'shop/events',
    tls: null,
    printable: 'mariadb://[::1]:3307/shop%2Fevents',
  })
  expect(parseSqlAddress('postgresql://db.example.com/events?tls=verify-full&servername=db')).toMatchObject({
    flavour: 'postgres',
    port: 5432,
    user: 'postgres',
    tls: { rejectUnauthorized: true, servername: 'db' },
    printable: 'postgresql://db.example.com/events',
  })
})

test('reads the addresses of NATS', () => {
  expect(parseNatsAddress('nats://app:p%40ss@n1,n2:4223,[::1]/orders?sync=always&replicas=3')).toEqual({
    servers: ['n1:4222', 'n2:4223', '[::1]:4222'],
    user: 'app',
    password: 'p@ss',
    credentials: null,
    nkey: null,
    stream: 'orders',
    replicas: 3,
    syncsAlways: true,
    tls: null,
    printable: 'nats://n1:4222,n2:4223,[::1]:4222/orders',
  })
  expect(parseNatsAddress('tls://token@n')).toMatchObject({
    user: 'token',
    password: '',
    stream: 'bingo-events',
    tls: { rejectUnauthorized: true },
    printable: 'tls://n:4222/bingo-events',
  })
})

test.each([
  ['redis://:secret@', 'the host is missing', 'redis://'],
  ['redis://:secret@a,b/0', 'several hosts', 'sentinel://'],
  ['sentinel://:secret@a:1,b:2', 'master group', 'sentinel://'],
  ['redis://:secret@cache?tls=true', '?tls is not an option', 'rediss://'],
  ['rediss://:secret@cache?ca=/nowhere/ca.pem', 'Cannot read the Redis TLS file', 'Write redis://'],
  ['redis://:secret@cache?durability=server', '?durability=server is not a durability', 'durability=fsync'],
  ['redis://:secret@cache?replicas=many', '?replicas is not a number from 0 to 9', 'replicas=1'],
  ['redis://:secret@cache?prefix={x}', '?prefix is not a name', 'letters'],
  ['redis://:secret@cache?prefix=a&prefix=b', '?prefix is given twice', 'prefix=NAME'],
])('refuses %j, and does not print its password', async (url, words, hint) => {
  const error: unknown = await openEventProvider(url, { name: 'bingo' }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'BINGO_EVENTS_STORE_INVALID',
    message: expect.stringContaining(words) as string,
    hint: expect.stringContaining(hint) as string,
  })
  expect(String(error)).not.toContain('secret')
})

test('reads the addresses of Redis, with its own options and those of the client', () => {
  expect(parseEventRedisAddress('rediss://app:p%3Fw@cache/3?servername=db&replicas=2&durability=fsync')).toMatchObject({
    redis: { mode: 'single', username: 'app', password: 'p?w', db: 3, tls: { servername: 'db' } },
    prefix: 'events',
    durability: 'fsync',
    replicas: 2,
    printable: 'rediss://cache:6379/3',
  })
  expect(parseEventRedisAddress('redis+cluster://a:1,b:2?prefix=shop')).toMatchObject({
    redis: { mode: 'cluster' },
    prefix: 'shop',
    durability: null,
    replicas: 0,
    printable: 'redis+cluster://a:1,b:2?prefix=shop',
  })
})

test('reads the addresses of Kafka', () => {
  expect(
    parseKafkaAddress('kafka://app:s@k1,k2:9093/orders.log?sasl=scram-sha-512&replicas=3&tls=verify-full'),
  ).toEqual({
    brokers: ['k1:9092', 'k2:9093'],
    sasl: { mechanism: 'SCRAM-SHA-512', username: 'app', password: 's' },
    topic: 'orders.log',
    partitions: -1,
    replicas: 3,
    syncsAlways: false,
    tls: { rejectUnauthorized: true },
    printable: 'kafka://k1:9092,k2:9093/orders.log',
  })
  expect(parseKafkaAddress('kafka://k?partitions=12&sync=always')).toMatchObject({
    sasl: null,
    topic: 'bingo-events',
    partitions: 12,
    syncsAlways: true,
    tls: null,
  })
})
