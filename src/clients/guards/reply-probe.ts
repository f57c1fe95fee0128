import { randomUUID } from 'node:crypto'
// oxlint-disable-next-line no-restricted-imports -- a command to be sent, not a connection
import { Command, type Redis } from 'ioredis'

/** A PING that waits as long as its connection lives: that it is late is what it is there to find out. */
class PatientPing extends Command {
  constructor(token: string) {
    super('ping', [token], { replyEncoding: 'utf8' })
  }

  override setTimeout(): void {
    // Never rejected by the clock; the socket's own timeout ends it.
  }
}

/**
 * Resolves when the replies of a connection have caught up with its commands, or when it was closed. Replies carry no
 * number: one that is missing, or one too many, shifts all that follow, and only the reply to a question whose answer
 * nothing else has shows that they fit. A connection on which they do not is closed, to be reopened.
 */
export async function whenRepliesFit(redis: Redis): Promise<void> {
  const token = randomUUID()
  try {
    const reply = await redis.sendCommand(new PatientPing(token))
    if (reply !== token) redis.disconnect(true)
  } catch {
    // Closed meanwhile (a new connection begins afresh), or PING is not granted: an error in its turn fits as well.
  }
}
