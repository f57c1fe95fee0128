import type { IncomingMessage } from 'node:http'
import type { Config } from '../../app/config/config.ts'
import { BingoError } from '../../model/errors.ts'

const TIMEOUT_MS = 5_000

/** Not imported, see ops/http-server.ts: a health check runs every few seconds. */
const { request } = process.getBuiltinModule('node:http')

export interface Answer {
  readonly status: number
  /** The JSON of the answer. */
  readonly body: object
  /** As it was written: numbers of any size are exact there. */
  readonly text: string
}

export interface Asking {
  readonly method?: 'GET' | 'POST'
  /** JSON. */
  readonly body?: string | undefined
}

/** Asks the admin server of the daemon on this machine. Throws BINGO_DAEMON_UNREACHABLE. */
export async function askDaemon(config: Config, path: string, asking: Asking = {}): Promise<Answer> {
  const response = await openDaemon(config, path, { ...asking, signal: AbortSignal.timeout(TIMEOUT_MS) })
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  } catch (error) {
    throw unreachable((error as Error).message)
  }
  return { status: response.statusCode ?? 0, body: parse(text), text }
}

/** The same for an answer that is read as it comes. Throws BINGO_DAEMON_UNREACHABLE. */
export async function openDaemon(
  { http }: Config,
  path: string,
  { method = 'GET', body, signal, headers }: Asking & { signal: AbortSignal; headers?: Record<string, string> },
): Promise<IncomingMessage> {
  const { listen } = http
  const token = http.token ?? (http.tokens.find(({ scopes }) => scopes.includes('operate')) ?? http.tokens[0])?.token
  if (listen === null) throw unreachable('http.listen is off')
  const host = listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent = request(
    {
      host,
      port: listen.port,
      path,
      method,
      signal,
      headers: {
        ...headers,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    },
    resolve,
  )
  sent.on('error', reject).end(body)
  try {
    return await promise
  } catch (error) {
    throw unreachable(`${host}:${listen.port}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`)
  }
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

function unreachable(why: string): BingoError {
  return new BingoError('BINGO_DAEMON_UNREACHABLE', `the daemon does not answer at http.listen (${why})`, {
    hint: 'Check that it runs on this machine with the same configuration (BINGO_HTTP_LISTEN, BINGO_HTTP_TOKEN).',
    retryable: true,
  })
}
