import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nats } from '../../src/targets/nats/action.ts'
import type { SendResult } from '../../src/model/rule/action.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { silentLog } from '../support/jobs.ts'
import { newUserKey, operatorMode } from '../support/nats-logins.ts'
import { summary } from '../support/redelivery.ts'
import { startNats } from '../support/servers/nats.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()
let folder: string
let authority: CertificateAuthority

/** Messages of one row each in core NATS, unless told otherwise, through a target of its own. */
async function sendWith(fields: object, ids: readonly number[] = [1]): Promise<SendResult> {
  const { plan, problems } = compile(
    { type: 'nats', subject: 'shop.users', jetstream: false, ...fields },
    { timeoutMs: 10_000 },
  )
  expect(problems).toEqual([])
  const target = await nats.open(plan.target, { log: silentLog, now: Date.now })
  try {
    return await target.send(
      ids.map((id, seq) => jobFor(plan, { id, status: 1 }, seq)),
      signal,
    )
  } finally {
    await target.close()
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-nats-'))
  authority = await CertificateAuthority.create()
})
afterAll(async () => {
  await authority[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

describe('a login to NATS', () => {
  test('with user and password; a denied subject is reported, in core NATS and in JetStream', async () => {
    const permissions = '{publish: {deny: "denied.>"}}'
    const users = `authorization {users: [{user: bingo, password: "p@ss", permissions: ${permissions}}]}`
    await using server = await startNats({ config: users })
    const url = server.url.replace('//', '//bingo:p%40ss@')
    expect(await sendWith({ url })).toBeUndefined()
    for (const jetstream of [false, true]) {
      const denied = await sendWith({ url, subject: 'denied.users', jetstream })
      expect(summary(denied)).toEqual(['down BINGO_NATS_UNREACHABLE'])
      expect(denied?.[0]?.error.hint).toContain('publish')
      // Others of the subjects that data make up may be granted.
      const fromData = await sendWith({ url, subject: 'denied.{{id}}', jetstream })
      expect(summary(fromData)).toEqual(['unknown BINGO_NATS_REFUSED'])
      expect(fromData?.[0]?.error.message).toContain('subject denied.{{id}}: ')
      expect(fromData?.[0]?.error.message).not.toContain('denied.1')
    }
    for (const login of ['bingo:mistaken@', '']) {
      const refused = await sendWith({ url: server.url.replace('//', `//${login}`) })
      expect(summary(refused)).toEqual(['down BINGO_NATS_UNREACHABLE'])
      expect(refused?.[0]?.error.hint).toContain('password')
      expect(refused?.[0]?.error.message).not.toContain('mistaken')
    }
  })

  test('events that are sent together to a denied subject in core NATS are all refused', async () => {
    const users = 'authorization {users: [{user: bingo, password: pass, permissions: {publish: {deny: "denied.>"}}}]}'
    await using server = await startNats({ config: users })
    const url = server.url.replace('//', '//bingo:pass@')
    const denied = await sendWith({ url, subject: 'denied.users' }, [1, 2, 3])
    expect(summary(denied)).toEqual(Array.from({ length: 3 }, () => 'down BINGO_NATS_UNREACHABLE'))
  })

  test('with a token', async () => {
    await using server = await startNats({ config: 'authorization {token: "s3cret"}' })
    expect(await sendWith({ url: server.url, token: 's3cret' })).toBeUndefined()
    const refused = await sendWith({ url: server.url, token: 'other' })
    expect(refused?.[0]?.error.hint).toContain('token')
  })

  test('with the key of a user', async () => {
    const [user, stranger] = [newUserKey(), newUserKey()]
    await using server = await startNats({ config: `authorization {users: [{nkey: ${user.publicKey}}]}` })
    expect(await sendWith({ url: server.url, nkey: user.seed })).toBeUndefined()
    const refused = await sendWith({ url: server.url, nkey: stranger.seed })
    expect(summary(refused)).toEqual(['down BINGO_NATS_UNREACHABLE'])
    expect(refused?.[0]?.error.hint).toContain('key')
  })

  test('with a credentials file', async () => {
    const { config, credentials: file } = operatorMode()
    await using server = await startNats({ config })
    const credentials = join(folder, 'bingo.creds')
    await writeFile(credentials, file)
    expect(await sendWith({ url: server.url, credentials })).toBeUndefined()
    const refused = await sendWith({ url: server.url })
    expect(summary(refused)).toEqual(['down BINGO_NATS_UNREACHABLE'])
  })
})

describe('TLS to NATS', () => {
  test('needs the right authority, the right name and, if required, a client certificate', async () => {
    await using stranger = await CertificateAuthority.create('Another authority')
    const own = await authority.issue()
    const { cert, key } = await authority.issue({ commonName: 'bingo' })
    const files = `cert_file: "${own.certFile}", key_file: "${own.keyFile}", ca_file: "${authority.caFile}"`
    await using server = await startNats({ config: `tls {${files}, verify: true}` })
    const url = `tls://localhost:${server.port}`
    const tls = { ca: authority.ca, cert, key }
    expect(await sendWith({ url, tls })).toBeUndefined()
    const refusals: [string, object, RegExp][] = [
      ['another authority', { url, tls: { ...tls, ca: stranger.ca } }, /`ca`/],
      ['the public authorities', { url }, /`ca`/],
      ['no client certificate', { url, tls: { ca: authority.ca } }, /client certificate/],
      ['another name', { url, tls: { ...tls, servername: 'nats.example' } }, /`servername`/],
    ]
    for (const [name, fields, hint] of refusals) {
      const result = await sendWith(fields)
      expect([name, ...summary(result)!]).toEqual([name, 'down BINGO_NATS_UNREACHABLE'])
      expect(result?.[0]?.error.hint).toMatch(hint)
    }
  })

  test('does not fall back to a server without it', async () => {
    await using server = await startNats()
    const refused = await sendWith({ url: server.url.replace('nats:', 'tls:') })
    expect(summary(refused)).toEqual(['down BINGO_NATS_UNREACHABLE'])
    expect(refused?.[0]?.error.message).toContain('tls')
  })
})
