import type { SourceAddress } from '../../source-address.ts'
import type { RawError, Verdict } from '../preflight/verdict.ts'

/** Why a server refuses a login, and who can change that. Undefined: the error is about something else. */
export function loginVerdict(error: RawError, address: SourceAddress): Verdict | undefined {
  // Hosted servers have numbers of their own for it, and MariaDB says 1045, whose hint has the same remedy.
  if (/insecure transport|SSL connection is required/i.test(error.message)) return plaintext(address)
  const known = error.errno === undefined ? undefined : REFUSALS[error.errno]
  if (known !== undefined) return known(address)
  const code = error.code ?? ''
  if (code === 'MYSQL_CLEAR_PASSWORD_NOT_ENABLED') return clearPassword(address)
  const plugin = /unknown plugin (\S*?)\. See/.exec(error.message)?.[1]
  if (plugin !== undefined) return unknownPlugin(plugin, address)
  // Without TLS, OpenSSL is only asked to encrypt the password: with a key that came over the line, and may be broken.
  if (code.startsWith('ERR_OSSL') && address.tls.mode === 'disable') return undefined
  return TLS_CODES.test(code) ? tlsVerdict(error.message) : undefined
}

const TLS_CODES =
  /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HANDSHAKE_.*SSL|HOSTNAME_MISMATCH|ERR_OSSL)/

type Refusal = (address: SourceAddress) => Verdict

/** The server is full, or closed for now: BinGo comes back by itself as soon as it lets us in. */
function waits(hint: string): Refusal {
  return () => ({ code: 'BINGO_SOURCE_REFUSED', retryable: true, hint })
}

/** Waiting cannot change what the server thinks of the account. */
function denied(hint: (address: SourceAddress) => string): Refusal {
  return (address) => ({ code: 'BINGO_SOURCE_ACCESS_DENIED', retryable: false, hint: hint(address) })
}

const locked = denied(({ user }) => `ALTER USER ${account(user)} ACCOUNT UNLOCK;`)
const expired = denied(({ user }) => `ALTER USER ${account(user)} IDENTIFIED BY 'new-password' PASSWORD EXPIRE NEVER;`)
const plaintext: Refusal = () => ({
  code: 'BINGO_SOURCE_TLS',
  retryable: false,
  hint: 'Set source.tls: require (or verify-full with source.tlsCa): the server accepts encrypted connections only.',
})

const REFUSALS: { readonly [errno: number]: Refusal } = {
  1040: waits(
    'SET GLOBAL max_connections = 500; or end idle sessions: SHOW PROCESSLIST; (all connections of the server are in use)',
  ),
  1044: denied(wrongAccount),
  1045: denied(wrongAccount),
  1129: waits(
    'TRUNCATE performance_schema.host_cache; or FLUSH HOSTS; (the server blocks this host after many failed connections)',
  ),
  1130: denied(
    ({ user }) => `SELECT user, host FROM mysql.user WHERE user = ${quote(user)}; (no account allows this host)`,
  ),
  1203: waits('SET GLOBAL max_user_connections = 0; (the account has too many connections)'),
  1226: waits(
    'ALTER USER … WITH MAX_USER_CONNECTIONS 0 MAX_QUERIES_PER_HOUR 0; (the account exceeds a resource limit)',
  ),
  1698: denied(
    ({ user }) =>
      `Check the password, or set one if the account logs in by operating system user only (auth_socket, unix_socket). MySQL: ALTER USER ${account(user)} IDENTIFIED WITH caching_sha2_password BY 'password'; MariaDB: ALTER USER ${account(user)} IDENTIFIED VIA mysql_native_password USING PASSWORD('password');`,
  ),
  1820: expired,
  1862: expired,
  3032: waits('SET GLOBAL offline_mode = OFF; (the server is in offline mode)'),
  3118: locked,
  3159: plaintext,
  3955: locked,
  4151: locked,
}

function wrongAccount({ user, tls }: SourceAddress): string {
  const about = `Check user, password and the host part of the account: SELECT user, host, plugin FROM mysql.user WHERE user = ${quote(user)};`
  if (tls.mode !== 'disable') return about
  return `${about} If the account requires TLS (REQUIRE SSL) or the server cannot encrypt passwords, set source.tls: require.`
}

const SUPPORTED = 'mysql_native_password, caching_sha2_password, sha256_password, ed25519'

/** What users know a client's plugin by. */
const KNOWN_AS: { readonly [plugin: string]: string } = {
  dialog: 'PAM',
  auth_gssapi_client: 'GSSAPI/Kerberos',
  authentication_kerberos_client: 'Kerberos',
  authentication_ldap_sasl_client: 'LDAP with SASL',
  authentication_webauthn_client: 'WebAuthn',
  authentication_fido_client: 'FIDO',
  authentication_oci_client: 'Oracle Cloud',
  authentication_openid_connect_client: 'OpenID Connect',
  mysql_old_password: 'passwords of MySQL 4.0',
  parsec: 'PARSEC',
}

function unknownPlugin(plugin: string, { user }: SourceAddress): Verdict {
  const known = KNOWN_AS[plugin]
  return {
    code: 'BINGO_SOURCE_AUTH_PLUGIN',
    retryable: false,
    message: `the account uses the authentication plugin ${plugin}${known === undefined ? '' : ` (${known})`}, which BinGo does not support (it supports ${SUPPORTED})`,
    hint: `MySQL: ALTER USER ${account(user)} IDENTIFIED WITH caching_sha2_password BY 'password'; MariaDB: ALTER USER ${account(user)} IDENTIFIED VIA ed25519 USING PASSWORD('password');`,
  }
}

function clearPassword({ user }: SourceAddress): Verdict {
  return {
    code: 'BINGO_SOURCE_AUTH_PLUGIN',
    retryable: false,
    message:
      'the account uses mysql_clear_password (PAM or LDAP), which sends the password in plain text; BinGo does that only if it can verify the certificate of the server',
    hint: `Set source.tls: verify-full and source.tlsCa, or give ${account(user)} another plugin: ${SUPPORTED}.`,
  }
}

/** mysql2 gives everything that ends a TLS handshake one code; only the text of OpenSSL and Node tells which. */
const TLS_MESSAGES: readonly (readonly [RegExp, string])[] = [
  [
    /does not support secure connection/i,
    'Configure TLS on the server (ssl_cert, ssl_key in my.cnf), or set source.tls: disable in a trusted network. The server does not support TLS.',
  ],
  [
    /self.signed|unable to (get|verify)|issuer/i,
    'Set source.tlsCa to the PEM file of the CA that signed the certificate (MySQL creates its own: ca.pem in its data folder), or set source.tls: require to encrypt without verification.',
  ],
  [
    /altnames|does not match certificate|Hostname\/IP/i,
    'Use a host name of the certificate in source.url, or set source.tls: verify-ca.',
  ],
  [/expired|not yet valid/i, 'Renew the certificate of the server, and check the clocks of both machines.'],
  [
    /unsupported protocol|protocol version|no protocols|version too low|shared cipher|handshake failure/i,
    'Set tls_version = TLSv1.2,TLSv1.3 in my.cnf: BinGo requires TLS 1.2 or newer.',
  ],
]

function tlsVerdict(message: string): Verdict {
  // The connection broke while it was being encrypted: that says nothing about certificates.
  if (/ECONNRESET|EPIPE|ETIMEDOUT|socket disconnected|socket hang up/i.test(message)) {
    return {
      code: 'BINGO_SOURCE_CONNECTION_LOST',
      retryable: true,
      hint: 'Check the network if this repeats: the connection broke during the TLS handshake. BinGo reconnects.',
    }
  }
  const hint = TLS_MESSAGES.find(([pattern]) => pattern.test(message))?.[1]
  return {
    code: 'BINGO_SOURCE_TLS',
    retryable: false,
    hint: hint ?? 'Check source.tls, the CA file, and that the certificate contains the host of source.url.',
  }
}

function account(user: string): string {
  return `${quote(user)}@'host'`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
