import { chownSync, chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openEventProvider } from '../../src/log/open.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import type { Certificate } from '../support/certificates.ts'
import { newEvent, post } from '../support/events/new-event.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'

/** Of PostgreSQL, which reads its key as this user alone. */
const NOBODY = 65_534

let authority: CertificateAuthority
let stranger: CertificateAuthority
let own: Certificate
const folder = mkdtempSync(join(tmpdir(), 'bingo-event-tls-'))

beforeAll(async () => {
  ;[authority, stranger] = await Promise.all([CertificateAuthority.create(), CertificateAuthority.create('Stranger')])
  own = await authority.issue({ names: ['db.example.com', '127.0.0.1'] })
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await Promise.all([authority, stranger].map((each) => each[Symbol.asyncDispose]()))
})

async function startMysqlWithTls(start: typeof startMysql, database: string) {
  const server = await start({
    args: [`--ssl-ca=${authority.caFile}`, `--ssl-cert=${own.certFile}`, `--ssl-key=${own.keyFile}`],
  })
  await server.query(
    `CREATE DATABASE ${database}; CREATE USER tls@'%' REQUIRE SSL; GRANT ALL ON ${database}.* TO tls@'%'`,
  )
  return { server, host: (name: string) => `mysql://tls@${name}:${server.port}/${database}` }
}

async function startPostgresWithTls() {
  const [cert, key] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  copyFileSync(own.certFile, cert)
  copyFileSync(own.keyFile, key)
  chmodSync(key, 0o600)
  if (process.getuid!() === 0) for (const path of [folder, cert, key]) chownSync(path, NOBODY, NOBODY)
  const server = await startPostgres(['-c', 'ssl=on', '-c', `ssl_cert_file=${cert}`, '-c', `ssl_key_file=${key}`])
  return { server, host: (name: string) => `postgres://postgres@${name}:${server.port}/postgres` }
}

test.each([
  ['MySQL', () => startMysqlWithTls(startMysql, 'events')],
  ['MariaDB', () => startMysqlWithTls(startMariadb, 'events')],
  ['PostgreSQL', startPostgresWithTls],
])('%s: authority and name of the certificate are checked, for addresses and names', async (_kind, start) => {
  const { server, host } = await start()
  await using _stopped = { [Symbol.asyncDispose]: () => server.stop() }
  const attempt = async (url: string): Promise<string> => {
    const provider = await openEventProvider(url, { name: 'tls' })
    try {
      const [posted] = await post(provider, [newEvent(url)])
      return posted!.tag
    } catch (error) {
      return `${(error as { code: string }).code} ${(error as Error).message}`
    } finally {
      await provider.close()
    }
  }
  const trusting = `?tls=verify-full&ca=${authority.caFile}`
  expect(await attempt(`${host('127.0.0.1')}${trusting}`)).toBe('stored')
  expect(await attempt(`${host('localhost')}${trusting}`)).toMatch(/BINGO_LOG_UNREACHABLE .*(altnames|localhost)/)
  expect(await attempt(`${host('localhost')}${trusting}&servername=db.example.com`)).toBe('stored')
  expect(await attempt(`${host('127.0.0.1')}${trusting}&servername=other.example.com`)).toMatch(
    /UNREACHABLE .*altnames/,
  )
  expect(await attempt(`${host('127.0.0.1')}?tls=verify-full&ca=${stranger.caFile}`)).toMatch(
    /UNREACHABLE .*(certificate|signature)/,
  )
})
