import { BingoError } from '../../model/errors.ts'
import { readSmallFile } from '../../model/small-file.ts'
import { StoreAddressError } from '../store-address-error.ts'

export interface SqlTls {
  readonly rejectUnauthorized: true
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

/** Where a database server is, from `mysql://user:password@host:3306/database?tls=verify-full&ca=/etc/ca.pem`. */
export interface SqlAddress {
  readonly flavour: 'mysql' | 'postgres'
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  /** Null: plaintext. */
  readonly tls: SqlTls | null
  /** Without password and options. */
  readonly printable: string
}

const PORTS = { mysql: 3306, postgres: 5432 } as const
const FILES = ['ca', 'cert', 'key'] as const
const OPTIONS: readonly string[] = ['tls', 'servername', ...FILES]

/** Throws BINGO_EVENTS_STORE_INVALID. */
export function parseSqlAddress(text: string): SqlAddress {
  const scheme = /^(mysql|mariadb|postgres|postgresql):\/\//i.exec(text)?.[1]?.toLowerCase() ?? ''
  const flavour = scheme.startsWith('postgres') ? 'postgres' : 'mysql'
  const url = URL.parse(text)
  // Only for http is it checked that the host can be one.
  if (url === null || url.hostname === '' || !URL.canParse(text.replace(/^\w+/, 'http'))) {
    throw invalid(`${scheme || 'a database'}:// needs a host, or the address is malformed`)
  }
  const database = decoded(url.pathname.replace(/^\//, ''))
  if (database === '' || url.pathname.lastIndexOf('/') > 0) {
    throw invalid('the name of the database is missing', `Write ${scheme}://user:password@host/bingo`)
  }
  if (url.hash !== '') throw invalid('it has a `#`', 'Write it as %23 in a password.')
  const host = url.hostname.replaceAll(/^\[|\]$/g, '')
  const port = url.port === '' ? PORTS[flavour] : Number(url.port)
  return {
    flavour,
    host,
    port,
    user: decoded(url.username) || (flavour === 'mysql' ? 'root' : 'postgres'),
    password: decoded(url.password),
    database,
    tls: tlsOf(url.searchParams),
    printable: `${scheme}://${url.host}${url.pathname}`,
  }
}

/** An option that nothing reads is an error: `?ssl=true` that is ignored would be plaintext. */
function tlsOf(query: URLSearchParams): SqlTls | null {
  for (const name of query.keys()) {
    if (OPTIONS.includes(name)) continue
    if (/^(ssl|use_?ssl|use_?tls|tls)/i.test(name))
      throw invalid(`?${name} is not an option`, 'Write ?tls=verify-full for TLS.')
    throw invalid(`unknown option ${JSON.stringify(name)}`, `Known: ${OPTIONS.join(', ')}.`)
  }
  const mode = query.get('tls')
  if (mode !== null && mode !== 'verify-full' && mode !== 'disable') {
    throw invalid(`?tls=${mode} is not a mode`, 'Write tls=verify-full: certificates are always verified.')
  }
  const given = OPTIONS.filter((name) => name !== 'tls' && query.has(name))
  if (mode !== 'verify-full') {
    if (given.length > 0) throw invalid(`?${given[0]} is for TLS`, 'Add tls=verify-full.')
    return null
  }
  const files = FILES.flatMap((name) => (query.has(name) ? [[name, fileOf(name, query.get(name)!)]] : []))
  const servername = query.get('servername')
  return {
    rejectUnauthorized: true,
    ...(Object.fromEntries(files) as { [name in (typeof FILES)[number]]?: string }),
    ...(servername !== null && { servername }),
  }
}

function fileOf(name: string, path: string): string {
  try {
    return readSmallFile(path)
  } catch (cause) {
    throw new BingoError('BINGO_EVENTS_STORE_INVALID', `Cannot read the TLS file ${path} (${name}) of events.store`, {
      hint: 'Check the path and its permissions; a mounted secret may be missing.',
      cause,
    })
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('invalid escape in user, password or database', 'Write % as %25.')
  }
}

function invalid(
  why: string,
  hint = 'Write mysql://user:password@host:3306/database, or postgres:// likewise.',
): StoreAddressError {
  return new StoreAddressError(why, hint)
}
