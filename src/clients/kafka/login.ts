import { AddressError } from '../address/error.ts'
import { addressTls, type AddressTls } from '../address/tls.ts'
import type { EngineAddress } from '../address/engine.ts'

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

/** Who logs in where, from an address. */
export interface KafkaLogin {
  readonly brokers: readonly string[]
  readonly sasl: {
    readonly mechanism: (typeof MECHANISMS)[number]
    readonly username: string
    readonly password: string
  } | null
  readonly tls: AddressTls | null
}

/** `others`: options that the address has beside `sasl` and those of TLS. Throws AddressError. */
export function kafkaLogin(address: EngineAddress, others: readonly string[], example: string): KafkaLogin {
  const { user, password, hosts, options } = address
  return {
    brokers: hosts,
    sasl: saslOf(user, password, options.get('sasl'), example),
    tls: addressTls(options, ['sasl', ...others]),
  }
}

function saslOf(username: string, password: string, written: string | null, example: string): KafkaLogin['sasl'] {
  const mechanism = MECHANISMS.find((each) => each === (written ?? 'PLAIN').toUpperCase())
  if (mechanism === undefined) {
    throw new AddressError(`?sasl=${written} is not a mechanism`, `Write one of: ${MECHANISMS.join(', ')}.`)
  }
  if (username !== '') return { mechanism, username, password }
  if (written !== null) throw new AddressError('?sasl needs user and password', `Write ${example}.`)
  return null
}
