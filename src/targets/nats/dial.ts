import { connect } from '@nats-io/transport-node'
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
// Its own `connect` makes transports of this class; there is no other way to one that has not connected yet.
import { NodeTransport } from '@nats-io/transport-node/lib/node_transport.js'

const { prototype } = NodeTransport
// oxlint-disable-next-line typescript/unbound-method -- called with its transport below
const closeConnected = prototype.close

/**
 * The client forgets about an attempt that times out before the server has said hello, and leaves its socket open: each
 * try on a server that hangs would add one, and the process could not end by itself.
 */
prototype.close = function close(this: NodeTransport, error?: Error): Promise<void> {
  if (!this.connected) this.discard()
  return closeConnected.call(this, error)
}

/** Connects; rejects with what the client says. An attempt that fails leaves nothing open. */
export function dial(options: NodeConnectionOptions): Promise<NatsConnection> {
  return connect(options)
}
