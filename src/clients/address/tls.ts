import { readSmallFile } from '../../model/small-file.ts'
import { AddressError } from './error.ts'

/** Certificates are always verified. */
export interface AddressTls {
  readonly rejectUnauthorized: true
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

const FILES = ['ca', 'cert', 'key'] as const
const OPTIONS: readonly string[] = ['tls', 'servername', ...FILES]

/**
 * `?tls=verify-full&ca=/etc/ca.pem` of the address of a server; null: plaintext. An option that nothing reads is an error:
 * `?ssl=true` that is ignored would be plaintext. `others`: options that the scheme has beside these. Throws AddressError.
 */
export function addressTls(query: URLSearchParams, others: readonly string[] = []): AddressTls | null {
  const known = [...OPTIONS, ...others]
  for (const name of query.keys()) {
    if (known.includes(name)) continue
    if (/^(ssl|use_?ssl|use_?tls|tls)/i.test(name))
      throw new AddressError(`?${name} is not an option`, 'Write ?tls=verify-full for TLS.')
    throw new AddressError(`unknown option ${JSON.stringify(name)}`, `Known: ${known.join(', ')}.`)
  }
  const mode = query.get('tls')
  if (mode !== null && mode !== 'verify-full' && mode !== 'disable') {
    const hint = 'Write tls=verify-full: certificates are always verified.'
    throw new AddressError(`?tls=${mode} is not a mode`, hint)
  }
  const given = OPTIONS.filter((name) => name !== 'tls' && query.has(name))
  if (mode !== 'verify-full') {
    if (given.length > 0) throw new AddressError(`?${given[0]} is for TLS`, 'Add tls=verify-full.')
    return null
  }
  const files = FILES.flatMap((name) => (query.has(name) ? [[name, fileOf(name, query.get(name)!)]] : []))
  const servername = query.get('servername')
  return {
    rejectUnauthorized: true,
    ...(Object.fromEntries(files) as { [name in (typeof FILES)[number]]?: string }),
    ...(servername !== null && { servername }),
  }
}

function fileOf(name: string, path: string): string {
  try {
    return readSmallFile(path)
  } catch (cause) {
    const hint = 'Check the path and its permissions; a mounted secret may be missing.'
    throw new AddressError(`cannot read the TLS file ${path} (${name})`, hint, { isFile: true, cause })
  }
}
