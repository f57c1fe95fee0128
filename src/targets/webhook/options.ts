import type { Content } from '../../model/event/bytes/content.ts'
import type { TlsFiles } from '../tls-files.ts'

export interface WebhookActionOptions {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET' | 'PURGE'
  readonly batch: 'auto' | 'always' | 'never'
  /** Nothing is sent but the head. */
  readonly bodyless: boolean
  /** Media type of a single event; batches are application/json. */
  readonly contentType: string
  /** Key bytes; empty = not signed. */
  readonly secrets: readonly Buffer[]
  readonly gzip: boolean
  /** What 401, 402, 403 and 407 mean. */
  readonly unauthorized: 'wait' | 'refuse'
  /** What 404 means. */
  readonly notFound: 'wait' | 'refuse'
}

export interface WebhookTargetOptions {
  /** Milliseconds; Infinity: for ever. */
  readonly maxConnectionAgeMs: number
  /** Origin, or null for dynamic hosts. */
  readonly origin: string | null
  readonly concurrency: number
  /** Threads that the connections are in; 0: the daemon's own. */
  readonly threads: number
  readonly http2: boolean
  readonly allowCidrs: readonly string[]
  readonly tls: TlsFiles
  /** Address of an HTTP proxy, with its credentials. */
  readonly proxy: string | null
}

/** A rendered address; the same object for as long as the text stays the same. */
export interface WebhookUrl {
  readonly href: string
  readonly origin: string
  /** Path and query, escaped. */
  readonly path: string
}

/** One event, rendered. */
export interface WebhookPayload {
  readonly url: WebhookUrl
  /** Name, value, name, value, … ; the same object where no header has a template. */
  readonly headers: readonly string[]
  readonly json: Content
  /** Headers of a posted event, for a request that holds it alone. */
  readonly trace?: readonly string[]
}
