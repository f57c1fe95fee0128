import type { Content } from '../../model/event/bytes/content.ts'
import type { TlsFiles } from '../tls-files.ts'

export interface RabbitmqActionOptions {
  readonly exchange: string
  readonly contentType: string
}

export interface RabbitmqTargetOptions {
  /** Milliseconds; Infinity: for ever. */
  readonly maxConnectionAgeMs: number
  readonly url: string
  readonly tls: TlsFiles | null
}

/** One message, rendered. */
export interface RabbitmqPayload {
  readonly routingKey: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Content
}
