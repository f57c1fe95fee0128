import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import type { ClientOptions } from '@grpc/grpc-js'

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

export function newMetadata(): Metadata {
  return new Metadata()
}

/** Name of a status code, as in `UNAVAILABLE`. */
export function statusName(code: number): string {
  return status[code] ?? 'UNKNOWN'
}
