import { closeSync, fstatSync, openSync, readFileSync, constants } from 'node:fs'

/** A configuration, a file of rules, a key or a certificate chain: more is a mistake in the path. */
export const MAX_SMALL_FILE_BYTES = 1 << 20

/**
 * Reads a file that people wrote. Throws for one that is larger than 1 MiB, and for what is no file, without reading it
 * or waiting for it: a device never ends, and a pipe blocks until somebody writes.
 */
export function readSmallFile(path: string): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const facts = fstatSync(file)
    if (facts.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' })
    if (!facts.isFile()) throw Object.assign(new Error('it is a device or a pipe, not a file'), { code: 'ENOTFILE' })
    if (facts.size > MAX_SMALL_FILE_BYTES) {
      throw Object.assign(new Error(`it is larger than ${MAX_SMALL_FILE_BYTES >> 20} MiB`), { code: 'EFBIG' })
    }
    // What /proc shows has a size of 0 and an end.
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}
