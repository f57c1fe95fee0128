import type { Config } from '../../app/config/config.ts'
import { BingoError } from '../../model/errors.ts'
import { configFor, type GlobalOptions } from '../context.ts'
import { askDaemon, type Answer, type Asking } from '../daemon/ask-daemon.ts'

/** What every command has that asks the API of a daemon. */
export interface ApiOptions extends GlobalOptions {
  readonly environment?: string
  readonly json?: boolean
}

/** What the commands need of the configuration. */
export function apiConfig(options: GlobalOptions): Config {
  return configFor(options, 'events')
}

/** Asks the API; throws the error that it answers, under its code. */
export async function askApi(options: GlobalOptions, path: string, asking?: Asking): Promise<Answer> {
  const answer = await askDaemon(apiConfig(options), path, asking)
  if (answer.status === 200) return answer
  throw refusalOf(answer)
}

export function refusalOf({ status, body }: Pick<Answer, 'status' | 'body'>): BingoError {
  const { error, code, hint } = body as { readonly error?: string; readonly code?: string; readonly hint?: string }
  return new BingoError(code ?? 'BINGO_DAEMON_REFUSED', error ?? `the daemon refused the request with HTTP ${status}`, {
    hint,
    retryable: status === 503 || status === 429,
  })
}

/** `/path?name=value`, without what is undefined. */
export function withQuery(path: string, query: { readonly [name: string]: string | number | undefined }): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  )
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`
}

export function eventPath(id: string, verb = ''): string {
  return `/api/v1/events/${encodeURIComponent(id)}${verb}`
}

export function print(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`)
}
