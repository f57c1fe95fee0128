import { lookup } from 'node:dns'
import type { LookupAddress, LookupAllOptions } from 'node:dns'
import { isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import type { buildConnector } from 'undici'
import { newConnector } from '../../clients/http.ts'
import { BingoError } from '../../model/errors.ts'
import { readTls } from '../tls-files.ts'
import { addressPolicy } from './addresses.ts'
import type { AddressPolicy } from './addresses.ts'
import type { WebhookTargetOptions } from './options.ts'

const CONNECT_TIMEOUT_MS = 10_000

/** All addresses of a name, as `dns.lookup` finds them. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/**
 * Connects for a webhook target. Every address is checked when it is connected to: those that a name resolves to in the
 * lookup of that very connection (so a name cannot be rebound in between), and literals, for which no lookup is made.
 */
export function webhookConnector(options: WebhookTargetOptions, resolve: Resolve = lookup): buildConnector.connector {
  const allowed = addressPolicy(options.origin === null, options.allowCidrs)
  const connect = newConnector({
    ...readTls(options.tls),
    allowH2: options.http2,
    preferH2: options.http2,
    timeout: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    lookup: guardedLookup(allowed, resolve),
  })
  return (target, callback) => {
    const literal = target.hostname.replace(/^\[|\]$/g, '')
    if (isIP(literal) !== 0 && !allowed(literal)) callback(refused(target.hostname), null)
    else connect(target, callback)
  }
}

function guardedLookup(allowed: AddressPolicy, resolve: Resolve): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return done(error, '')
      const usable = found.filter(({ address }) => allowed(address))
      const first = usable[0]
      if (first === undefined) return done(refused(hostname), '')
      return options.all === true ? done(null, usable) : done(null, first.address, first.family)
    })
  }
}

function refused(hostname: string): BingoError {
  return new BingoError('BINGO_WEBHOOK_ADDRESS_REFUSED', `${hostname} has no permitted address`, {
    hint: 'List the network in allowCidrs if you need it. BinGo refuses link-local and metadata addresses, and with dynamicHost private ones.',
  })
}
