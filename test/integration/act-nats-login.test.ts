import { Buffer } from 'node:buffer'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nkeys } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nats } from '../../src/targets/nats/action.ts'
import type { SendResult } from '../../src/model/rule/action.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { silentLog } from '../support/jobs.ts'
import { summary } from '../support/redelivery.ts'
import { startNats } from '../support/servers/nats.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()
let folder: string
let authority: CertificateAuthority

/** One message in core NATS, unless told otherwise, through a target of its own. */
async function sendWith(fields: object): Promise<SendResult> {
  const { plan, problems } = compile(
    { type: 'nats', subject: 'shop.users', jetstream: false, ...fields },
    { timeoutMs: 10_000 },
  )
  expect(problems).toEqual([])
  const target = await nats.open(plan.target, { log: silentLog, now: Date.now })
  try {
    return await target.send([jobFor(plan)], signal)
  } finally {
    await target.close()
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

/** A JWT as NATS wants it: docs.nats.io, "JWTs Privacy"; signed by the key of the issuer. */
function token(issuer: ReturnType<typeof nkeys.createUser>, subject: string, nats: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { jti: subject, iat: 1_700_000_000, iss: issuer.getPublicKey(), sub: subject, name: subject, nats }
  const body = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`
  return `${body}.${Buffer.from(issuer.sign(Buffer.from(body))).toString('base64url')}`
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

  test('with a token', async () => {
    await using server = await startNats({ config: 'authorization {token: "s3cret"}' })
    expect(await sendWith({ url: server.url, token: 's3cret' })).toBeUndefined()
    const refused = await sendWith({ url: server.url, token: 'other' })
    expect(refused?.[0]?.error.hint).toContain('token')
  })

  test('with the key of a user', async () => {
    const [user, stranger] = [nkeys.createUser(), nkeys.createUser()]
    await using server = await startNats({ config: `authorization {users: [{nkey: ${user.getPublicKey()}}]}` })
    expect(await sendWith({ url: server.url, nkey: text(user.getSeed()) })).toBeUndefined()
    const refused = await sendWith({ url: server.url, nkey: text(stranger.getSeed()) })
    expect(summary(refused)).toEqual(['down BINGO_NATS_UNREACHABLE'])
    expect(refused?.[0]?.error.hint).toContain('key')
  })

  test('with a credentials file', async () => {
    const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()]
    const unlimited = { subs: -1, data: -1, payload: -1 }
    const limits = { ...unlimited, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
    const accountJwt = token(operator, account.getPublicKey(), { limits, type: 'account', version: 2 })
    const userJwt = token(account, user.getPublicKey(), { pub: {}, sub: {}, ...unlimited, type: 'user', version: 2 })
    const operatorJwt = token(operator, operator.getPublicKey(), { type: 'operator', version: 2 })
    const system = nkeys.createAccount().getPublicKey()
    const systemJwt = token(operator, system, { limits, type: 'account', version: 2 })
    const known = `{${account.getPublicKey()}: ${accountJwt}, ${system}: ${systemJwt}}`
    const resolver = `resolver: MEMORY\nsystem_account: ${system}\nresolver_preload: ${known}`
    await using server = await startNats({ config: `operator: ${operatorJwt}\n${resolver}` })
    const credentials = join(folder, 'bingo.creds')
    const block = (name: string, value: string): string =>
      `-----BEGIN ${name}-----\n${value}\n------END ${name}------\n\n`
    await writeFile(credentials, block('NATS USER JWT', userJwt) + block('USER NKEY SEED', text(user.getSeed())))
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
      ['another name', { url, tls: { ...tls, servername: 'nats.example' } }, /`servername`/],
    ]
    for (const [name, fields, hint] of refusals) {
      const result = await sendWith(fields)
      expect([name, ...summary(result)!]).toEqual([name, 'down BINGO_NATS_UNREACHABLE'])
      expect(result?.[0]?.error.hint).toMatch(hint)
    }
    expect(summary(await sendWith({ url, tls: { ca: authority.ca } }))).toEqual(['down BINGO_NATS_UNREACHABLE'])
  })

  test('does not fall back to a server without it', async () => {
    await using server = await startNats()
    const refused = await sendWith({ url: server.url.replace('nats:', 'tls:') })
    expect(summary(refused)).toEqual(['down BINGO_NATS_UNREACHABLE'])
    expect(refused?.[0]?.error.message).toContain('tls')
  })
})
