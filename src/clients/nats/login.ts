import { AddressError } from '../address/error.ts'
import { addressTls, type AddressTls } from '../address/tls.ts'
import type { EngineAddress } from '../address/engine.ts'

/** Where servers of NATS are, and who logs in. */
export interface NatsLogin {
  readonly servers: readonly string[]
  /** User and password, or a token where there is no password. */
  readonly user: string
  readonly password: string
  /** Path of a .creds file. */
  readonly credentials: string | null
  /** Path of a file with the seed of a user's key pair. */
  readonly nkey: string | null
  readonly tls: AddressTls | null
}

/** Nothing of the client is loaded: every command reads addresses. `others`: options that the address has beside those of the login. Throws AddressError. */
export function natsLogin(address: EngineAddress, others: readonly string[] = []): NatsLogin {
  const { scheme, user, password, hosts, options } = address
  if (scheme === 'tls' && !options.has('tls')) options.set('tls', 'verify-full')
  const [credentials, nkey] = [options.get('creds'), options.get('nkey')]
  if ([user !== '', credentials !== null, nkey !== null].filter(Boolean).length > 1) {
    throw new AddressError('more than one login method is set', 'Keep user and password, a token, ?creds= or ?nkey=.')
  }
  return { servers: hosts, user, password, credentials, nkey, tls: addressTls(options, ['creds', 'nkey', ...others]) }
}
