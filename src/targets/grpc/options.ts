import type { Outline } from '../../model/rule/action-field.ts'
import type { TlsFiles } from '../tls-files.ts'

export interface GrpcActionOptions {
  /** Full name of the service, package included. */
  readonly service: string
  readonly method: string
  /** Absolute path of the .proto file; null = the server is asked (reflection). */
  readonly proto: string | null
  readonly deadlineMs: number | undefined
  /** The message as written, to be checked against the request type. */
  readonly outline: Outline | undefined
}

export interface GrpcTargetOptions {
  /** Milliseconds; Infinity: for ever. */
  readonly maxConnectionAgeMs: number
  readonly address: string
  readonly concurrency: number
  /** Threads that the connections are in; 0: the daemon's own. */
  readonly threads: number
  /** Null = plaintext. */
  readonly tls: TlsFiles | null
}

/** One call, rendered. */
export interface GrpcPayload {
  readonly message: object
  readonly metadata: { readonly [name: string]: string }
}
