import type { Socket } from 'node:net'
import { jetstream } from '@nats-io/jetstream'
import type { JetStreamClient } from '@nats-io/jetstream'
import { credsAuthenticator, headers, nkeyAuthenticator } from '@nats-io/transport-node'
import type { Authenticator, MsgHdrs, NatsConnection, NodeConnectionOptions, ServerInfo } from '@nats-io/transport-node'
// What the client's own `connect` is made of. It takes no transport, and there is no other way to one of ours.
import { NatsConnectionImpl, setTransportFactory } from '@nats-io/transport-node/lib/nats-base-client.js'
import { nodeResolveHost, NodeTransport } from '@nats-io/transport-node/lib/node_transport.js'
import { CertificateMissing } from '../certificate-refused.ts'
import { guardStream } from '../guards/guarded-stream.ts'
import { MessageGuard } from './messages.ts'

/**
 * The client forgets about an attempt that times out before the server has said hello, and leaves its socket open: each
 * try on a server that hangs would add one, and the process could not end by itself.
 */
class ThoroughTransport extends NodeTransport {
  #needsCertificate = false

  override async peekInfo(): Promise<ServerInfo> {
    const info = await super.peekInfo()
    const { cert, certFile } = this.options.tls ?? {}
    this.#needsCertificate = info.tls_verify === true && cert === undefined && certFile === undefined
    return info
  }

  /** In TLS 1.3 the server refuses behind the handshake, and its alert is lost where the client has sent more by then. */
  override async closed(): Promise<void | Error> {
    const cause = await super.closed()
    // From there the client takes why it was cut off.
    if (this.#needsCertificate) this.closeError = new CertificateMissing(cause)
    return this.closeError
  }

  override close(error?: Error): Promise<void> {
    if (!this.connected) this.discard()
    return super.close(error)
  }
}

/** Connects; rejects with what the client says. An attempt that fails leaves nothing open, and what comes is guarded. */
export async function dialNats(options: NodeConnectionOptions): Promise<NatsConnection> {
  // As `connect` does, each time: whoever else uses the client in this process sets its own in the same way.
  setTransportFactory({ factory: () => new ThoroughTransport(), dnsResolveFn: nodeResolveHost })
  const client = await NatsConnectionImpl.connect(options)
  guardStream(socketOf(client), new MessageGuard())
  return client
}

/** What the client keeps private: the socket that the handshake has led to, with TLS or without. */
function socketOf(client: NatsConnection): Socket {
  return (client as unknown as { protocol: { transport: { socket: Socket } } }).protocol.transport.socket
}

export function jetstreamOf(connection: NatsConnection): JetStreamClient {
  return jetstream(connection)
}

export function newHeaders(): MsgHdrs {
  return headers()
}

/** By the text of a .creds file. */
export function credentialsLogin(text: string): Authenticator {
  return credsAuthenticator(new TextEncoder().encode(text))
}

/** By the seed of a user's key pair. */
export function nkeyLogin(seed: string): Authenticator {
  return nkeyAuthenticator(new TextEncoder().encode(seed))
}
