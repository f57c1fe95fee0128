import { urlFault } from '../../model/url-fault.ts'
import { AddressError } from './error.ts'

/** `scheme://user:password@host:port,host:port/name?option=value`. */
export interface EngineAddress {
  readonly scheme: string
  /** Empty: none was given. */
  readonly user: string
  readonly password: string
  /** `host:port`, at least one. */
  readonly hosts: readonly string[]
  /** Empty: none was given. */
  readonly name: string
  readonly options: URLSearchParams
  /** Without user, password and options. */
  readonly printable: string
}

const FORM = /^(\w+):\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^?#/]*))?(?:\?([^#]*))?$/

/** Throws AddressError. `example`: what is right. */
export function parseEngineAddress(text: string, port: number, example: string): EngineAddress {
  const hint = `Write ${example}.`
  const found = FORM.exec(text)
  if (found === null) throw new AddressError(urlFault(text), hint)
  const [, scheme, login = '', hosts, name = '', query] = found
  const colon = login.indexOf(':')
  const listed = hosts!.split(',').map((host) => withPort(host.trim(), port, hint))
  return {
    scheme: scheme!.toLowerCase(),
    user: decoded(colon < 0 ? login : login.slice(0, colon)),
    password: colon < 0 ? '' : decoded(login.slice(colon + 1)),
    hosts: listed,
    name,
    options: new URLSearchParams(query),
    printable: `${scheme}://${listed.join(',')}`,
  }
}

function withPort(host: string, port: number, hint: string): string {
  const url = URL.parse(`http://${host}`)
  if (host === '' || url === null || url.hostname === '') {
    throw new AddressError(urlFault(`any://${host}`), hint)
  }
  return /:\d+$/.test(host) && !host.endsWith(']') ? host : `${host}:${port}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new AddressError('invalid escape in user or password', 'Write % as %25.')
  }
}
