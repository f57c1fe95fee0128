import { BingoError } from '../../model/errors.ts'
import type { Lookup } from '../../model/rule/lookup.ts'
import type { SourceServer } from '../../rules/read/read-lookups.ts'
import type { SourceAddress } from '../../sources/mysql/source-address.ts'
import type { SqlTargetOptions } from '../../targets/sql/options.ts'
import { LookupConnection } from './lookup-connection.ts'

/** Few: many questions go in one statement. */
const CONNECTIONS = 2

/**
 * How lookups reach their servers. `source`: the addresses of the server that the daemon reads, in the order of preference;
 * each outage goes on to the next of them.
 */
export function lookupOpener(source: readonly SourceAddress[]): (lookup: Lookup) => LookupConnection {
  let next = 0
  return ({ server }) => {
    if (!asksTheSource({ server }))
      return new LookupConnection({ tag: 'url', options: server.options as SqlTargetOptions })
    const address = source[next++ % source.length]
    if (address === undefined) throw noSource()
    return new LookupConnection({ tag: 'source', address, connections: CONNECTIONS })
  }
}

export function asksTheSource({ server: { options } }: Pick<Lookup, 'server'>): boolean {
  return 'from' in (options as SqlTargetOptions | SourceServer)
}

function noSource(): BingoError {
  return new BingoError(
    'BINGO_LOOKUP_SOURCE',
    'no MySQL or MariaDB server is read, so `from: source` has nobody to ask',
    {
      hint: 'Write the address of the server: from: mysql://user:password@host:3306/database',
    },
  )
}
