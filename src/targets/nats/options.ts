import type { Content } from '../../model/event/bytes/content.ts'
import type { TlsFiles } from '../tls-files.ts'

export interface NatsActionOptions {
  /** Where it is the same for every event. */
  readonly subject: string | undefined
  readonly jetstream: boolean
  readonly contentType: string
  /** The subject as the rule has it. */
  readonly subjectSource: string
}

export interface NatsTargetOptions {
  /** Milliseconds; Infinity: for ever. */
  readonly maxConnectionAgeMs: number
  /** One address, or several by comma. */
  readonly url: string
  readonly token: string | undefined
  /** Path of a .creds file. */
  readonly credentials: string | undefined
  /** Seed of a user's key pair (`SU…`). */
  readonly nkey: string | undefined
  readonly tls: TlsFiles | null
}

/** One message, rendered. */
export interface NatsPayload {
  readonly subject: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Content
}
