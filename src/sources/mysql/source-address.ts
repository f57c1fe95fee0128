import { BingoError } from '../../model/errors.ts'
import { readSmallFile } from '../../model/small-file.ts'
import { urlFault } from '../../model/url-fault.ts'

/** `require` encrypts, `verify-ca` also checks the chain, `verify-full` the host name as well. Never back to plaintext. */
export type TlsMode = 'disable' | 'require' | 'verify-ca' | 'verify-full'

export const TLS_MODES: readonly TlsMode[] = ['disable', 'require', 'verify-ca', 'verify-full']

/** Where the server is and who we are there. */
export interface SourceAddress {
  readonly host: string
  readonly port: number
  /** Unix socket instead of host and port. */
  readonly socketPath: string | undefined
  readonly user: string
  readonly password: string
  readonly tls: SourceTls
}

/** One server among several that hold the same data. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

export interface SourceTls {
  readonly mode: TlsMode
  /** PEM texts. */
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

export interface TlsFiles {
  readonly mode?: TlsMode | undefined
  /** Paths of PEM files. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

const DEFAULT_PORT = 3306

/** Whatever else is written there is not read, and who writes `?ssl=true` must not get plaintext. */
const OPTIONS = ['tls', 'ca', 'cert', 'key', 'socket']

const HINT =
  'Write mysql://user:password@host:3306 (a % in the password as %25, an @ as %40), with ?tls=verify-full if needed.'

/**
 * Reads `mysql://user:password@host:port` (or `mariadb://`) with the options `tls`, `ca`, `cert`, `key`, `socket`;
 * `tls` given separately comes first. Throws BINGO_SOURCE_URL_INVALID without ever quoting the URL.
 */
export function parseSourceUrl(url: string, tls: TlsFiles = {}): SourceAddress {
  const parsed = URL.parse(url)
  if (parsed === null) throw invalid(urlFault(url))
  if (parsed.protocol !== 'mysql:' && parsed.protocol !== 'mariadb:') {
    throw invalid(`it begins with "${parsed.protocol}//" instead of mysql://`)
  }
  const query = parsed.searchParams
  const socketPath = query.get('socket') ?? undefined
  if (parsed.hostname === '' && socketPath === undefined) throw invalid(urlFault(url))
  const behind = `${parsed.pathname}${parsed.search}${parsed.hash}`
  if (parsed.username === '') throw invalid(behind.includes('@') ? urlFault(url) : 'the user is missing')
  if (parsed.hash !== '') throw invalid('there is a # in it: write it in a password as %23')
  const unknown = [...query.keys()].find((name) => !OPTIONS.includes(name))
  if (unknown !== undefined) throw invalid(`unknown option ${JSON.stringify(unknown)}; known: ${OPTIONS.join(', ')}`)
  const mode = tls.mode ?? query.get('tls') ?? 'disable'
  if (!isTlsMode(mode)) throw invalid(`tls must be one of ${TLS_MODES.join(', ')}`)
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port),
    socketPath,
    user: decode(parsed.username),
    password: decode(parsed.password),
    tls: {
      mode,
      ca: readPem(tls.ca ?? query.get('ca')),
      cert: readPem(tls.cert ?? query.get('cert')),
      key: readPem(tls.key ?? query.get('key')),
    },
  }
}

/** Reads `db1:3306`, `db1`, `[::1]:3306`. Undefined for anything else. */
export function parseHostPort(text: string): HostPort | undefined {
  const parts = /^(\[[0-9a-f:.]+\]|[^\s:/@[\],]+)(?::(\d{1,5}))?$/i.exec(text.trim())
  const port = parts?.[2] === undefined ? DEFAULT_PORT : Number(parts[2])
  if (!parts || port < 1 || port > 65_535) return undefined
  return { host: parts[1]!.replace(/^\[(.*)\]$/, '$1'), port }
}

/** For logs: no user, no password. */
export function printAddress({ host, port, socketPath }: SourceAddress): string {
  return socketPath ?? `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function isTlsMode(text: string): text is TlsMode {
  return (TLS_MODES as readonly string[]).includes(text)
}

function readPem(path: string | null | undefined): string | undefined {
  if (path === null || path === undefined) return undefined
  try {
    return readSmallFile(path)
  } catch (cause) {
    throw new BingoError('BINGO_SOURCE_TLS', `Cannot read the TLS file ${path} of the source`, {
      hint: 'Check the path, and that BinGo may read the file.',
      cause,
    })
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid('invalid escape in user or password: write % as %25')
  }
}

function invalid(why: string): BingoError {
  return new BingoError('BINGO_SOURCE_URL_INVALID', `The source address (source.url) is not valid: ${why}`, {
    hint: HINT,
  })
}
