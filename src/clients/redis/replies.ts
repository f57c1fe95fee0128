/** Whether Redis itself answered so, and not the connection; ioredis names its classes after the RESP types. */
export function isReply(error: Error): boolean {
  return error.name === 'ReplyError' || error.name === 'SimpleError' || error.name === 'BlobError'
}

/** An error reply that the client did not read itself; named as its own are. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
}

/** The replies do not belong to the commands: the connection cannot be trusted, and nothing is known of the commands. */
export class MisfitError extends Error {
  override readonly name = 'MisfitError'

  constructor() {
    super('its replies do not match the commands')
  }
}
