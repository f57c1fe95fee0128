import { readFileSync, statfsSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'

const MEMORY = '/dev/shm'
/** What the servers of four files at once may write, and as much again. */
const LEAST_FREE_BYTES = 6 * 2 ** 30
/** Beside that, for the servers and the daemons themselves. */
const LEAST_MEMORY_BYTES = 10 * 2 ** 30

/**
 * Where tests write: in memory, where there is enough of it and `TMPDIR` says nothing else. Servers sync what they commit,
 * which is what they mostly wait for on a disk; a process that is killed loses nothing of it in either place.
 */
export function temporaryFolder(): string {
  if (process.env['TMPDIR'] !== undefined) return tmpdir()
  return mayExecute() && hasRoom() ? MEMORY : tmpdir()
}

/** Tests unpack programs and libraries. Containers mount it without that right, and other systems have none. */
function mayExecute(): boolean {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
    const options = mounts.map((line) => line.split(' ')).find(([, folder]) => folder === MEMORY)?.[3]
    return options !== undefined && !options.split(',').includes('noexec')
  } catch {
    return false
  }
}

function hasRoom(): boolean {
  const { bavail, bsize } = statfsSync(MEMORY)
  return bavail * bsize >= LEAST_FREE_BYTES && freemem() >= LEAST_MEMORY_BYTES
}
