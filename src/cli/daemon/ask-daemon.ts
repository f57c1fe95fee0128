import type { Config } from '../../app/config/config.ts'
import { BingoError } from '../../model/errors.ts'

const TIMEOUT_MS = 5_000

/** Not imported, see ops/http-server.ts: a health check runs every few seconds. */
const { request } = process.getBuiltinModule('node:http')

export interface Answer {
  readonly status: number
  /** The JSON of the answer. */
  readonly body: object
}

/** Asks the admin server of the daemon on this machine. Throws BINGO_DAEMON_UNREACHABLE. */
export async function askDaemon({ http }: Config, path: string, method: 'GET' | 'POST' = 'GET'): Promise<Answer> {
  const { listen, token } = http
  if (listen === null) throw unreachable('http.listen is off')
  const host = listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const sent = request(
    {
      host,
      port: listen.port,
      path,
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    },
    (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(text) }))
    },
  )
  sent.on('error', reject).end()
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
