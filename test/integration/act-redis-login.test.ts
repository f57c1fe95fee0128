import { afterAll, beforeAll, expect, test } from 'vitest'
import { redis } from '../../src/targets/redis/action.ts'
import type { SendResult } from '../../src/model/rule/action.ts'
import { freePort } from '../../src/demo/servers/ports.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { silentLog } from '../support/jobs.ts'
import { summary } from '../support/redelivery.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()
let authority: CertificateAuthority
let server: RedisServer
let tlsPort: number

/** One command through a target of its own; rejects where no connection comes about. */
async function sendTo(url: string, key = 'cache:1'): Promise<SendResult> {
  const { plan, problems } = compile({ type: 'redis', url, cmd: 'SET', key, value: 'x' }, { timeoutMs: 10_000 })
  expect(problems).toEqual([])
  const target = await redis.open(plan.target, { log: silentLog, now: Date.now })
  try {
    return await target.send([jobFor(plan)], signal)
  } finally {
    await target.close()
  }
}

beforeAll(async () => {
  authority = await CertificateAuthority.create()
  const { certFile, keyFile } = await authority.issue()
  tlsPort = await freePort()
  const tls = ['--tls-port', tlsPort, '--tls-cert-file', certFile, '--tls-key-file', keyFile]
  const clients = ['--tls-ca-cert-file', authority.caFile, '--tls-auth-clients', 'yes']
  server = await startRedis({ args: [...tls.map(String), ...clients] })
  const grants = ['~cache:*', '+@write', '+multi', '+exec', '+info', '+ping', '+client|setname', '+select']
  await server.cli('ACL', 'SETUSER', 'bingo', 'on', '>s3:cret', ...grants)
})
afterAll(async () => {
  await server.stop()
  await authority[Symbol.asyncDispose]()
})

test('an ACL user may run what it is granted; a missing grant is reported for that key', async () => {
  const url = `redis://bingo:s3%3Acret@127.0.0.1:${server.port}`
  expect(await sendTo(url)).toBeUndefined()
  const refused = await sendTo(url, 'other:1')
  expect(summary(refused)).toEqual(['unknown BINGO_REDIS_REFUSED'])
  expect(refused?.[0]?.error.hint).toContain('ACL SETUSER')
})

test('a wrong password is reported as such, without the password', async () => {
  const error: unknown = await sendTo(`redis://bingo:mistaken@127.0.0.1:${server.port}`).catch(
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ code: 'BINGO_REDIS_UNREACHABLE', message: expect.stringContaining('WRONGPASS') })
  expect(String(error)).not.toContain('mistaken')
})

test('TLS works with the right authority, name and client certificate', async () => {
  const { certFile, keyFile } = await authority.issue({ commonName: 'bingo' })
  const files = `ca=${authority.caFile}&cert=${certFile}&key=${keyFile}`
  for (const host of ['localhost', '127.0.0.1']) {
    expect(await sendTo(`rediss://bingo:s3%3Acret@${host}:${tlsPort}?${files}`)).toBeUndefined()
  }
})

test('TLS refuses another authority, another name, a missing client certificate, and a port without it', async () => {
  await using stranger = await CertificateAuthority.create('Another authority')
  const { certFile, keyFile } = await authority.issue({ commonName: 'bingo' })
  const own = `cert=${certFile}&key=${keyFile}`
  const refusals: [string, number, string][] = [
    ['another authority', tlsPort, `?ca=${stranger.caFile}&${own}`],
    ['the public authorities', tlsPort, `?${own}`],
    ['another name', tlsPort, `?ca=${authority.caFile}&${own}&servername=redis.example`],
    ['no client certificate', tlsPort, `?ca=${authority.caFile}`],
    ['no TLS there', server.port, `?ca=${authority.caFile}&${own}`],
  ]
  const attempts = refusals.map(([, port, options]) => sendTo(`rediss://localhost:${port}${options}`))
  const outcomes = await Promise.allSettled(attempts)
  for (const [i, outcome] of outcomes.entries()) {
    expect([refusals[i]![0], outcome]).toMatchObject([
      refusals[i]![0],
      { status: 'rejected', reason: { code: 'BINGO_REDIS_UNREACHABLE' } },
    ])
  }
})
