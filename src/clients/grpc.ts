import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import type { ClientOptions, ServiceError, StatusObject } from '@grpc/grpc-js'

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
 * A unary call with a message that is encoded already, as is its answer. It goes to the channel: the client's own method takes a stack of
 * every call, in case that it fails, and has a chain of interceptors, of which there are none, to ask. Answers what
 * cancels it; `done` is called in a later turn.
 */
export function unaryCall(
  client: Client,
  path: string,
  message: Buffer,
  metadata: Metadata,
  deadline: number,
  done: (error: ServiceError | null, answer?: Buffer) => void,
): () => void {
  const call = client.getChannel().createCall(path, deadline, null, null, null)
  let answer: Buffer | null = null
  call.start(metadata, {
    onReceiveMetadata: () => undefined,
    onReceiveMessage(bytes: Buffer) {
      answer = bytes
    },
    onReceiveStatus(end) {
      if (end.code !== status.OK) done(serviceError(end))
      else if (answer === null)
        done(serviceError({ ...end, code: status.UNIMPLEMENTED, details: 'No message received' }))
      else done(null, answer)
    },
  })
  call.startRead()
  call.sendMessageWithContext({}, message)
  call.halfClose()
  return () => call.cancelWithStatus(status.CANCELLED, 'Cancelled on client')
}

function serviceError(end: StatusObject): ServiceError {
  return Object.assign(new Error(`${end.code} ${status[end.code]}: ${end.details}`), end)
}

export function newMetadata(): Metadata {
  return new Metadata()
}

/** Name of a status code, as in `UNAVAILABLE`. */
export function statusName(code: number): string {
  return status[code] ?? 'UNKNOWN'
}
