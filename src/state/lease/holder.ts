import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** Readable, for whoever looks for the leader; unique, because a process id comes again. */
export function newHolder(): string {
  return `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`
}
