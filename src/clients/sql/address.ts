import { urlFault } from '../../model/url-fault.ts'
import { AddressError } from '../address/error.ts'
import { addressTls } from '../address/tls.ts'
import type { AddressTls } from '../address/tls.ts'

/** Where a database server is, from `mysql://user:password@host:3306/database?tls=verify-full&ca=/etc/ca.pem`. */
export interface SqlAddress {
  readonly flavour: 'mysql' | 'postgres'
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  /** Null: plaintext. */
  readonly tls: AddressTls | null
  /** Without password and options. */
  readonly printable: string
}

const PORTS = { mysql: 3306, postgres: 5432 } as const

/** Throws AddressError, whose message says nothing of the setting. */
export function parseSqlAddress(text: string): SqlAddress {
  const scheme = /^(mysql|mariadb|postgres|postgresql):\/\//i.exec(text)?.[1]?.toLowerCase() ?? ''
  const flavour = scheme.startsWith('postgres') ? 'postgres' : 'mysql'
  const url = URL.parse(text)
  // Only for http is it checked that the host can be one.
  if (url === null || url.hostname === '' || !URL.canParse(text.replace(/^\w+/, 'http'))) {
    throw invalid(urlFault(text))
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
    tls: addressTls(url.searchParams),
    printable: `${scheme}://${url.host}${url.pathname}`,
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
): AddressError {
  return new AddressError(why, hint)
}
