import { closeSync, fstatSync, openSync, readFileSync, constants } from 'node:fs'

/** A configuration, a file of rules, a key or a certificate chain: more is a mistake in the path. */
export const MAX_SMALL_FILE_BYTES = 1 << 20

/** A file that is not UTF-8. Read as if it were, it would put U+FFFD into keys and passwords without a word. */
export class BadEncoding extends Error {
  readonly hint: string
  /** Place of the first byte that is not UTF-8, from 1. */
  readonly line: number
  readonly column: number

  constructor(bytes: Buffer) {
    const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
    // U+FFFD may stand in the text itself as well: then the place is that of the first one.
    const before = bytes.toString('utf8').split('\ufffd', 1)[0]!.split('\n')
    super(utf16 ? 'the file is UTF-16, not UTF-8' : 'the file is not valid UTF-8 here')
    this.hint = `save it as UTF-8${utf16 ? '' : ' (it may be Latin-1 or Windows-1252: iconv -f WINDOWS-1252 -t UTF-8)'}`
    this.line = before.length
    this.column = before.at(-1)!.length + 1
  }
}

/** Text of UTF-8 bytes, without a byte order mark. Throws BadEncoding. */
export function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new BadEncoding(bytes)
  }
}

/**
 * Reads a file that people wrote. Throws for one that is larger than 1 MiB, and for what is no file, without reading it
 * or waiting for it: a device never ends, and a pipe blocks until somebody writes. Throws BadEncoding for other text
 * than UTF-8.
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
    return decodeUtf8(readFileSync(file))
  } finally {
    closeSync(file)
  }
}
