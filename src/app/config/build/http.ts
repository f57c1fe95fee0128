import { isLoopback } from '../addresses.ts'
import type { EventsConfig, HttpConfig } from '../config.ts'
import { tokensOf } from '../events.ts'
import { report, type BuildOptions } from './options.ts'

export function httpOf(options: BuildOptions, events: EventsConfig | null): HttpConfig {
  const listen = options.values['http.listen'] ?? null
  const token = options.values['http.token'] || undefined
  // One that is given and cannot be read is reported as such, or belongs to a command that does not use it.
  const unread = options.values['http.token'] === undefined && options.given.has('http.token')
  const hasTokens = options.values['http.tokens']!.length > 0
  if (listen !== null && token === undefined && !hasTokens && !unread && !isLoopback(listen.host)) {
    report(options, 'http.listen', 'BINGO_CONFIG_HTTP_TOKEN', `http.listen on ${listen.host} requires a token`, {
      hint: 'Set http.token (BINGO_HTTP_TOKEN), or listen on 127.0.0.1.',
    })
  }
  return { listen, token, tokens: tokensOf(options, events) }
}
