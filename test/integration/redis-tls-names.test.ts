import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRedis } from '../../src/clients/redis/redis.ts'
import { freePort } from '../../src/demo/servers/ports.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import type { Certificate } from '../support/certificates.ts'
import { silentLog } from '../support/jobs.ts'
import { startRedis } from '../support/servers/redis.ts'
import { TlsFront } from '../support/tls-front.ts'

let authority: CertificateAuthority
let certificate: Certificate
let stranger: Certificate

beforeAll(async () => {
  authority = await CertificateAuthority.create()
  certificate = await authority.issue({ names: ['localhost'] })
  stranger = await authority.issue({ names: ['nobody.example'] })
})
afterAll(() => authority[Symbol.asyncDispose]())

/** Sets and gets a key over a connection of its own. */
async function roundTrip(url: string, withinMs = 20_000): Promise<string | null> {
  const connection = openRedis(url, { log: silentLog, name: 'names' })
  try {
    await connection.whenReady(withinMs)
    await connection.client.set('name', 'kept')
    return await connection.client.get('name')
  } finally {
    await connection.close()
  }
}

test('a single server is called by its name', async () => {
  await using stack = new AsyncDisposableStack()
  const server = await startRedis()
  stack.defer(() => server.stop())
  const front = stack.use(await TlsFront.start(certificate, stranger))
  front.lead(server)
  expect(await roundTrip(`rediss://localhost:${front.port}?ca=${authority.caFile}`)).toBe('kept')
  expect(new Set(front.names)).toEqual(new Set(['localhost']))
})

test('a Sentinel, and the master that it names, are each called by their name', async () => {
  await using stack = new AsyncDisposableStack()
  const [master, sentinels] = [
    stack.use(await TlsFront.start(certificate, stranger)),
    stack.use(await TlsFront.start(certificate, stranger)),
  ]
  const server = await startRedis()
  stack.defer(() => server.stop())
  const settings = ['resolve-hostnames yes', 'announce-hostnames yes', `monitor main localhost ${master.port} 1`]
  const config = settings.map((setting) => `sentinel ${setting}\n`).join('')
  const sentinel = await startRedis({ config, args: ['--sentinel'] })
  stack.defer(() => sentinel.stop())
  master.lead(server)
  sentinels.lead(sentinel)
  const url = `rediss+sentinel://localhost:${sentinels.port}/main?ca=${authority.caFile}`
  expect(await roundTrip(url)).toBe('kept')
  expect(sentinels.names).toContain('localhost')
  expect(master.names).toContain('localhost')
  await expect(roundTrip(`${url}&servername=another.example`, 1_000)).rejects.toMatchObject({
    code: 'BINGO_REDIS_UNREACHABLE',
  })
  expect(sentinels.names).toContain('another.example')
})

test('the nodes of a Cluster are called by the names that it gives them', async () => {
  await using stack = new AsyncDisposableStack()
  const front = stack.use(await TlsFront.start(certificate, stranger))
  const bus = await freePort()
  const node = await startRedis({
    args: [
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(bus),
      '--cluster-announce-ip',
      '127.0.0.1',
      '--cluster-announce-port',
      String(front.port),
      '--cluster-announce-hostname',
      'localhost',
      '--cluster-preferred-endpoint-type',
      'hostname',
    ],
  })
  stack.defer(() => node.stop())
  front.lead(node)
  await node.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  const url = `rediss+cluster://localhost:${front.port}?ca=${authority.caFile}`
  expect(await roundTrip(url)).toBe('kept')
  expect(new Set(front.names)).toEqual(new Set(['localhost']))
})
