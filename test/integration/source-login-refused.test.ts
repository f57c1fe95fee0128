import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BingoError } from '../../src/model/errors.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { HostileServer } from '../support/hostile-server.ts'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { withAllPlugins } from '../support/servers/mariadb-plugins.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'

let mysql: SqlServer
let mariadb: SqlServer
let authority: CertificateAuthority

beforeAll(async () => {
  authority = await CertificateAuthority.create()
  const { certFile, keyFile } = await authority.issue()
  const tls = [`--ssl-ca=${authority.caFile}`, `--ssl-cert=${certFile}`, `--ssl-key=${keyFile}`]
  ;[mysql, mariadb] = await Promise.all([
    startMysql({ gtid: true, tls: true }),
    startMariadb({ version: '10.11', args: [...tls, ...(await withAllPlugins())] }),
  ])
})

afterAll(async () => {
  await Promise.all([mysql.stop(), mariadb.stop()])
  await authority[Symbol.asyncDispose]()
})

async function account(server: SqlServer, user: string, identified: string): Promise<void> {
  await server.query(`CREATE USER ${user}@'%' ${identified}`)
  await server.query(`GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO ${user}@'%'`)
}

function urlOf({ port }: { readonly port: number }, user: string, query = ''): string {
  return `mysql://${user}:secret@127.0.0.1:${port}${query}`
}

/** What ends the run; every one of these would otherwise be retried for ever. */
async function refusal(url: string): Promise<BingoError> {
  await using source = new RecordingSource(url)
  const error = await source.failure()
  expect(error.retryable).toBe(false)
  expect(source.stats.reconnectsTotal).toBe(0)
  expect(`${error.message} ${error.hint}`).not.toMatch(/TODO|secret/)
  return error
}

async function isRead(url: string): Promise<void> {
  await using source = new RecordingSource(url)
  await source.streaming()
  expect(source.error).toBeNull()
}

describe.each(['MySQL', 'MariaDB'])('%s with require_secure_transport', (name) => {
  const server = (): SqlServer => (name === 'MySQL' ? mysql : mariadb)

  test('is refused in plaintext with the setting that helps, and is read with it', async () => {
    await account(server(), 'overtls', "IDENTIFIED BY 'secret'")
    await server().query('SET GLOBAL require_secure_transport = ON')
    try {
      const error = await refusal(urlOf(server(), 'overtls'))
      // MariaDB says no more than that access is denied.
      expect(error.code).toBe(name === 'MySQL' ? 'BINGO_SOURCE_TLS' : 'BINGO_SOURCE_ACCESS_DENIED')
      expect(error.hint).toContain('source.tls: require')
      await isRead(urlOf(server(), 'overtls', '?tls=require'))
    } finally {
      await server().query('SET GLOBAL require_secure_transport = OFF')
    }
  })

  test('an account that demands TLS (REQUIRE SSL) is refused in plaintext with the setting that helps', async () => {
    await account(server(), 'onlytls', "IDENTIFIED BY 'secret' REQUIRE SSL")
    const error = await refusal(urlOf(server(), 'onlytls'))
    expect(error.code).toBe('BINGO_SOURCE_ACCESS_DENIED')
    expect(error.hint).toContain('source.tls: require')
    await isRead(urlOf(server(), 'onlytls', '?tls=require'))
  })

  test('a certificate of an unknown CA is refused with the setting for it', async () => {
    const error = await refusal(urlOf(server(), 'root', '?tls=verify-ca'))
    expect(error).toMatchObject({ code: 'BINGO_SOURCE_TLS' })
    expect(error.hint).toContain('source.tlsCa')
  })

  test('a locked account and an expired password end the run with the statement that helps', async () => {
    await account(server(), 'locked', "IDENTIFIED BY 'secret' ACCOUNT LOCK")
    expect((await refusal(urlOf(server(), 'locked'))).hint).toContain('ACCOUNT UNLOCK')
    await account(server(), 'expired', "IDENTIFIED BY 'secret' PASSWORD EXPIRE")
    expect((await refusal(urlOf(server(), 'expired'))).hint).toContain("ALTER USER 'expired'@'host' IDENTIFIED BY")
  })
})

test('a server without TLS is named as such', async () => {
  await using plain = await startMysql({ gtid: true, tls: false })
  const error = await refusal(`${plain.url}?tls=require`)
  expect(error).toMatchObject({ code: 'BINGO_SOURCE_TLS' })
  expect(error.hint).toContain('does not support TLS')
})

test('an ed25519 account of MariaDB is read, in plaintext and with TLS; a wrong password is refused', async () => {
  await mariadb.query("INSTALL SONAME 'auth_ed25519'")
  await account(mariadb, 'ed', "IDENTIFIED VIA ed25519 USING PASSWORD('secret')")
  await account(mariadb, 'edother', "IDENTIFIED VIA ed25519 USING PASSWORD('another')")
  await isRead(urlOf(mariadb, 'ed'))
  await isRead(urlOf(mariadb, 'ed', '?tls=require'))
  expect((await refusal(urlOf(mariadb, 'edother'))).code).toBe('BINGO_SOURCE_ACCESS_DENIED')
})

test('a sha256_password account of MySQL is read, in plaintext and with TLS', async () => {
  expect.hasAssertions()
  await account(mysql, 'sha', "IDENTIFIED WITH sha256_password BY 'secret'")
  await isRead(urlOf(mysql, 'sha'))
  await isRead(urlOf(mysql, 'sha', '?tls=require'))
})

test('an account for PAM ends the run, which names the plugin and those that are supported', async () => {
  await mariadb.query("INSTALL SONAME 'auth_pam_v1'")
  await account(mariadb, 'pam', 'IDENTIFIED VIA pam')
  const error = await refusal(urlOf(mariadb, 'pam'))
  expect(error.code).toBe('BINGO_SOURCE_AUTH_PLUGIN')
  expect(error.message).toMatch(/dialog \(PAM\).*ed25519/)
})

test('an account of the operating system ends the run, with a hint how to set a password', async () => {
  await mysql.query("INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'")
  await account(mysql, 'oswhere', 'IDENTIFIED WITH auth_socket')
  await account(mariadb, 'oswhere', 'IDENTIFIED VIA unix_socket')
  for (const server of [mysql, mariadb]) {
    const error = await refusal(urlOf(server, 'oswhere'))
    expect(error.code).toBe('BINGO_SOURCE_ACCESS_DENIED')
    expect(error.hint).toContain('password')
  }
})

test('caching_sha2_password in plaintext on a server that cannot encrypt passwords ends the run, and TLS is named', async () => {
  await using server = await startMysql({
    gtid: true,
    tls: true,
    args: [
      '--caching-sha2-password-auto-generate-rsa-keys=OFF',
      '--caching-sha2-password-private-key-path=none.pem',
      '--caching-sha2-password-public-key-path=none.pem',
    ],
  })
  await account(server, 'norsa', "IDENTIFIED BY 'secret'")
  expect((await refusal(urlOf(server, 'norsa'))).hint).toContain('source.tls: require')
  await isRead(urlOf(server, 'norsa', '?tls=require'))
})

describe('a server that asks for another plugin', () => {
  const packet = (sequence: number, ...parts: (Buffer | string)[]): Buffer => {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1')))
    const header = Buffer.from([body.length, 0, 0, sequence])
    return Buffer.concat([header, body])
  }
  const greeting = packet(
    0,
    '\x0a5.5.5-10.11.0-MariaDB\0\x01\0\0\0abcdefgh\0',
    Buffer.from([0xff, 0xf7, 0x21, 2, 0, 0xff, 0x81, 21]),
    '\0'.repeat(10),
    'ijklmnopqrst\0mysql_native_password\0',
  )

  test.each([
    ['auth_gssapi_client', /GSSAPI/],
    ['mysql_clear_password', /verify-full/],
    ['some_company_plugin', /some_company_plugin/],
    ['toString', /toString/],
  ])('%s ends the run with its name, and the password is not sent', async (plugin, expected) => {
    const received: Buffer[] = []
    await using server = await HostileServer.start(
      (socket, bytes) => {
        received.push(bytes)
        socket.write(packet(2, `\xfe${plugin}\0more\0`))
      },
      (socket) => socket.write(greeting),
    )
    const error = await refusal(urlOf(server, 'any'))
    expect(error.code).toBe('BINGO_SOURCE_AUTH_PLUGIN')
    expect(`${error.message} ${error.hint}`).toMatch(expected)
    expect(Buffer.concat(received).includes('secret')).toBe(false)
  })
})
