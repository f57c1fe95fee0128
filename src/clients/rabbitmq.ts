import type { Socket } from 'node:net'
import { Connection } from 'rabbitmq-client'
import type { ConnectionOptions } from 'rabbitmq-client'
import { FrameGuard } from './guards/amqp-frames.ts'
import { guardStream } from './guards/guarded-stream.ts'

/** Begins to connect, at once and by itself; what the broker sends is guarded. */
export function openAmqp(options: ConnectionOptions): Connection {
  const connection = new Connection(options)
  guardStream(socketOf(connection), new FrameGuard())
  return connection
}

/** The client makes it in its constructor, and keeps it private. */
function socketOf(client: Connection): Socket {
  return (client as unknown as { readonly _socket: Socket })._socket
}
