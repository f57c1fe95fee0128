import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import type { ClientOptions, ClientUnaryCall, ServiceError } from '@grpc/grpc-js'

/** PEM texts. */
interface Certificates {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** A channel to one address, which connects when it is first used; null: plaintext. */
export function openGrpc(address: string, tls: Certificates | null, options: ClientOptions): Client {
  if (tls === null) return new Client(address, credentials.createInsecure(), options)
  const buffer = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text))
  return new Client(address, credentials.createSsl(buffer(tls.ca), buffer(tls.key), buffer(tls.cert)), options)
}

/**
 * A unary call with a message that is encoded already. The client takes the stack of every call, in case that it fails, which
 * costs some microseconds of it, and nobody reads that stack; so it gets an empty one.
 */
export function unaryCall<T>(
  client: Client,
  path: string,
  deserialize: (bytes: Buffer) => T,
  message: Buffer,
  metadata: Metadata,
  deadline: number,
  done: (error: ServiceError | null, value?: T) => void,
): ClientUnaryCall {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return client.makeUnaryRequest(path, asIs, deserialize, message, metadata, { deadline }, done)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes
}

export function newMetadata(): Metadata {
  return new Metadata()
}

/** Name of a status code, as in `UNAVAILABLE`. */
export function statusName(code: number): string {
  return status[code] ?? 'UNKNOWN'
}
