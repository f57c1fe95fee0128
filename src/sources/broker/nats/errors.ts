import { natsRefusal } from '../../../clients/nats/errors.ts'
import { BingoError } from '../../../model/errors.ts'
import { brokerRefused, CHECK_LOGIN, connectionError } from '../errors.ts'

const RIGHTS = 'Grant the user publish to $JS.API.> and $JS.ACK.>, and subscribe to _INBOX.>.'

/** What an error of the client means for whoever reads. */
export function natsReadError(description: string, error: unknown): BingoError {
  if (error instanceof BingoError) return error
  const why = error instanceof Error ? error.message : String(error)
  switch (natsRefusal(error)) {
    case 'right':
      return brokerRefused(description, why, RIGHTS, error)
    case 'login':
      return brokerRefused(description, why, CHECK_LOGIN, error)
    case null:
      return connectionError(description, why, error)
  }
}
