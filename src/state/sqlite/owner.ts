import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { BingoError } from '../../model/errors.ts'

/** The process that a state file belongs to. */
export interface Owner {
  readonly pid: number
  readonly host: string
  /** Start time of the process, so that a process id used again is not taken for the owner; null where unknown. */
  readonly started: string | null
  readonly nonce: string
}

/** Each call is another owner. */
export function thisProcess(): Owner {
  return { pid: process.pid, host: hostname(), started: startTime(process.pid), nonce: randomUUID() }
}

/** For an owner on this host only. */
export function isRunning({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return started === null || startTime(pid) === started
}

/** Clock ticks from boot to the start of the process (proc(5), stat, field 22); null where there is no /proc. */
function startTime(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

export function inUse(path: string, owner: Owner | null): BingoError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'another process'
  return new BingoError('BINGO_CHECKPOINT_LOCKED', `The checkpoint is in use by ${who} (${path})`, {
    hint: 'Stop the other BinGo first, or give this one another `checkpoint.store`.',
  })
}
