import { createHash } from 'node:crypto'

const LOWEST = 1_000_000_000
const HIGHEST = 4_290_000_000

/**
 * The replica's server id where none is given: stable for an instance name, in a range that people do not use by
 * hand, so that two instances hardly ever share one and a restarted one replaces its own old dump thread.
 */
export function serverIdFor(name: string): number {
  const hash = createHash('sha256').update(`bingo server id\0${name}`).digest()
  return LOWEST + (hash.readUIntBE(0, 6) % (HIGHEST - LOWEST))
}

/** The replica's UUID, told to the server for the same reason: derived from the name and the id. */
export function replicaUuidFor(name: string, serverId: number): string {
  const hex = createHash('sha256').update(`bingo replica uuid\0${name}\0${serverId}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
