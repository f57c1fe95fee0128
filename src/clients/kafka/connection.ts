import { isIP } from 'node:net'
import type { KafkaLogin } from './login.ts'
import type { KafkaConnection } from './kafka.ts'

const CONNECT_TIMEOUT_MS = 5_000
export const REQUEST_TIMEOUT_MS = 10_000
export const RETRIES = 3
export const RETRY_DELAY_MS = 300

export function kafkaConnection({ brokers, sasl, tls }: KafkaLogin): KafkaConnection {
  return {
    clientId: 'bingo',
    bootstrapBrokers: [...brokers],
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    timeout: REQUEST_TIMEOUT_MS,
    retries: RETRIES,
    retryDelay: RETRY_DELAY_MS,
    ...(sasl !== null && { sasl }),
    ...(tls !== null && { tls, tlsServerName: tls.servername === undefined && areNames(brokers) }),
  }
}

/** Brokers behind a router that chooses by server name (SNI) need it; it cannot be an IP address. */
function areNames(brokers: readonly string[]): boolean {
  return brokers.every((broker) => isIP(broker.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')) === 0)
}
