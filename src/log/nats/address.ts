import { parseEngineAddress } from '../../clients/address/engine.ts'
import { natsLogin, type NatsLogin } from '../../clients/nats/login.ts'
import { StoreAddressError } from '../store-address-error.ts'

/** Where a stream is, from `nats://user:password@host:4222/stream?replicas=3&sync=always`. */
export interface NatsAddress extends NatsLogin {
  readonly stream: string
  /** Of a stream that is made. */
  readonly replicas: number
  /** The operator says that the servers run with `sync_interval: always`: no client can ask them. */
  readonly syncsAlways: boolean
  readonly printable: string
}

const EXAMPLE = 'nats://user:password@host:4222/bingo-events'
const STREAM = 'bingo-events'
const OPTIONS = ['sync', 'replicas'] as const

/** Throws StoreAddressError, or AddressError for what concerns the login. `unnamed`: the stream of an address that names none. */
export function parseNatsAddress(text: string, unnamed = STREAM): NatsAddress {
  const address = parseEngineAddress(text, 4222, EXAMPLE)
  const { name, options, printable } = address
  const stream = name || unnamed
  if (!/^[\w-]{1,100}$/.test(stream)) {
    const hint = 'Write at most 100 letters, digits, "_" and "-" behind the host.'
    throw new StoreAddressError(`"${stream}" is not a valid name of a stream`, hint)
  }
  return {
    ...natsLogin(address, OPTIONS),
    stream,
    replicas: oneOf(options, 'replicas', ['1', '3', '5'], Number) ?? 1,
    syncsAlways: oneOf(options, 'sync', ['always', 'interval'], (value) => value === 'always') ?? false,
    printable: `${printable}/${stream}`,
  }
}

function oneOf<T>(
  options: URLSearchParams,
  name: (typeof OPTIONS)[number],
  values: readonly string[],
  read: (value: string) => T,
): T | null {
  const value = options.get(name)
  if (value === null) return null
  if (!values.includes(value)) {
    throw new StoreAddressError(`?${name}=${value} is not valid`, `Write one of: ${values.join(', ')}.`)
  }
  return read(value)
}
