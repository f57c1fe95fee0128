import type { EventEmitter } from 'node:events'

/**
 * A TLS socket can say `error` a second time when it is destroyed already: we refuse the server's certificate, and its own
 * alert is read in the same turn (TLSSocket._emitTLSError). Clients listen for the first one only, or until they close it,
 * and an `error` that nobody hears ends the process.
 */
export function hearLateErrors<S extends EventEmitter>(socket: S): S {
  const ignore = (): void => undefined
  socket.on('error', ignore)
  // A client that closes a socket may take all listeners away.
  socket.on('removeListener', (_event, listener) => {
    if (listener === ignore) socket.on('error', ignore)
  })
  return socket
}
