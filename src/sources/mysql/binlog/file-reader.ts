import { open, readdir, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { EventFeed } from '../../../model/source/binlog-stream.ts'
import { BingoError } from '../../../model/errors.ts'
import { MOST_EVENT_BYTES } from '../../../model/event/forms/event-size.ts'
import type { Flavour } from '../../../model/table/table.ts'
import { CORRUPT } from './format/corrupt-event.ts'
import { EventType } from './format/event-types.ts'
import { readFormatDescription } from './format/format-description.ts'
import { HEADER_BYTES, sizeOf } from './format/header.ts'

/** Every binlog file begins with these bytes; an encrypted one of MySQL with the others. */
const MAGIC = Buffer.from([0xfe, 0x62, 0x69, 0x6e])
const ENCRYPTED_MAGIC = Buffer.from([0xfd, 0x62, 0x69, 0x6e])
const CHUNK_BYTES = 1024 * 1024

/** Where a file's reading ended. */
export interface BinlogFileEnd {
  readonly path: string
  /** End of the last whole event. */
  readonly offset: number
  /** Bytes behind it that are no whole event: the server was writing, or died. Nothing of them was committed. */
  readonly truncatedBytes: number
}

/** What `readBinlogFiles` needs of a reader. */
export interface FileFeed extends EventFeed {
  /** Called before a file's first event: names the file that the positions speak of. */
  startFile(name: string): void
}

/**
 * Feeds whole events of binlog files, in the order given, and ends behind the last one. Yields at the end of each file.
 * Errors: BINGO_FILE_NOT_BINLOG, BINGO_BINLOG_ENCRYPTED, BINGO_FILE_UNREADABLE, and those of the feed.
 */
export async function* readBinlogFiles(
  paths: readonly string[],
  feed: FileFeed,
  signal?: AbortSignal,
): AsyncGenerator<BinlogFileEnd> {
  for (const path of paths) {
    const file = await openBinlog(path)
    try {
      feed.startFile(basename(path))
      yield await readOne(path, file, feed, signal)
    } finally {
      await file.close()
    }
  }
}

/** Which server wrote the file, from its first event. */
export async function flavourOfFile(path: string): Promise<Flavour> {
  const file = await openBinlog(path)
  try {
    const head = Buffer.alloc(HEADER_BYTES)
    await file.read(head, 0, HEADER_BYTES, MAGIC.length)
    const size = sizeOf(head, 0)
    if (head[4] !== EventType.FORMAT_DESCRIPTION || size < HEADER_BYTES || size > 0xffff) throw notBinlog(path)
    const event = Buffer.alloc(size)
    const { bytesRead } = await file.read(event, 0, size, MAGIC.length)
    if (bytesRead < size) throw notBinlog(path)
    return readFormatDescription(event, 0, size).flavour
  } finally {
    await file.close()
  }
}

/**
 * Binlog files for what people write: a file, a folder (all binlogs in it), or a pattern with * and ? in its last part.
 * Names without a number at the end (.index, .idx) are left out. By that number, as text would put 1000000 before
 * 999999. Errors: BINGO_FILE_NOT_FOUND, BINGO_FILE_AMBIGUOUS (a folder with binlogs and relay logs), BINGO_FILE_UNREADABLE.
 */
export async function findBinlogFiles(pattern: string): Promise<string[]> {
  const isFolder = await stat(pattern).then(
    (facts) => facts.isDirectory(),
    () => false,
  )
  let paths = [pattern]
  if (isFolder) paths = await binlogsIn(pattern)
  else if (/[*?]/.test(basename(pattern))) {
    const matches = globPattern(basename(pattern))
    paths = (await numberedIn(dirname(pattern))).filter((path) => matches.test(basename(path)))
  }
  if (paths.length > 0) return paths.sort((a, b) => fileNumber(a) - fileNumber(b) || (a < b ? -1 : 1))
  throw new BingoError('BINGO_FILE_NOT_FOUND', `no binlog file matches ${pattern}`, {
    hint: 'Write a file (mysql-bin.000123), a folder, or a pattern in quotes ("data/mysql-bin.*").',
  })
}

/** A data folder has other numbered files (Aria's log), so it is the content that tells. */
async function binlogsIn(folder: string): Promise<string[]> {
  const paths: string[] = []
  for (const path of await numberedIn(folder)) if (await beginsAsBinlog(path)) paths.push(path)
  const series = new Set(paths.map((path) => basename(path).replace(/\.\d+$/, '')))
  if (series.size <= 1) return paths
  throw new BingoError(
    'BINGO_FILE_AMBIGUOUS',
    `${folder} contains several binlog series: ${[...series].sort().join(', ')}`,
    {
      hint: `Select one with a pattern in quotes ("${join(folder, [...series].sort()[0]!)}.*").`,
    },
  )
}

async function beginsAsBinlog(path: string): Promise<boolean> {
  try {
    await (await openBinlog(path)).close()
    return true
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    // An encrypted one is not passed over: reading it says what is wrong (invariant 8).
    return error.code !== 'BINGO_FILE_NOT_BINLOG'
  }
}

async function numberedIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: Error) => {
    throw unreadable(folder, error)
  })
  return names.filter((name) => fileNumber(name) >= 0).map((name) => join(folder, name))
}

function globPattern(glob: string): RegExp {
  const literal = glob.replaceAll(/[\\^$.|+()[\]{}]/g, '\\$&')
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`)
}

/** Number at the end of a binlog's name; names without one come first. */
export function fileNumber(path: string): number {
  return Number(/\.(\d+)$/.exec(path)?.[1] ?? -1)
}

async function openBinlog(path: string): Promise<FileHandle> {
  const file = await open(path, 'r').catch((error: Error) => {
    throw unreadable(path, error)
  })
  try {
    const magic = Buffer.alloc(MAGIC.length)
    await file.read(magic, 0, MAGIC.length, 0)
    if (magic.equals(ENCRYPTED_MAGIC)) throw encrypted(path)
    if (!magic.equals(MAGIC)) throw notBinlog(path)
    return file
  } catch (error) {
    await file.close()
    throw error instanceof BingoError ? error : unreadable(path, error as Error)
  }
}

async function readOne(
  path: string,
  file: FileHandle,
  feed: EventFeed,
  signal: AbortSignal | undefined,
): Promise<BinlogFileEnd> {
  let offset = MAGIC.length
  const { size } = await file.stat()
  let buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  while (offset < size) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - offset), offset)
    const consumed = await feedWhole(path, buffer, bytesRead, feed)
    offset += consumed
    if (consumed > 0) continue
    // The event is larger than the buffer, or its end is missing.
    const needed = bytesRead < HEADER_BYTES ? Number.POSITIVE_INFINITY : sizeOf(buffer, 0)
    if (offset + needed > size) return { path, offset, truncatedBytes: size - offset }
    if (needed > MOST_EVENT_BYTES) throw tooLarge(path, offset, needed)
    buffer = Buffer.allocUnsafe(needed)
  }
  return { path, offset, truncatedBytes: 0 }
}

/** Feeds the whole events at the start of the buffer; answers how many bytes they take. */
async function feedWhole(path: string, buffer: Buffer, length: number, feed: EventFeed): Promise<number> {
  let at = 0
  while (at + HEADER_BYTES <= length) {
    const size = sizeOf(buffer, at)
    // The feed says what is wrong with a size that is no size.
    const end = at + Math.max(size, HEADER_BYTES)
    if (end > length) break
    if (buffer[at + 4] === EventType.MARIADB_START_ENCRYPTION) throw encrypted(path)
    const pending = feed.feed(buffer, at, end)
    if (pending !== undefined) await pending
    at = end
  }
  return at
}

function encrypted(path: string): BingoError {
  return new BingoError('BINGO_BINLOG_ENCRYPTED', `${path} is encrypted: only its server can read it`, {
    hint: 'Read through the server (source.url), or fetch the files with mysqlbinlog --read-from-remote-server --raw.',
  })
}

function tooLarge(path: string, offset: number, bytes: number): BingoError {
  return new BingoError(
    CORRUPT,
    `an event of ${bytes} bytes at ${path}:${offset}, which exceeds what a server can write`,
    {
      hint: 'Check the file with mysqlbinlog --verify-binlog-checksum.',
    },
  )
}

function notBinlog(path: string): BingoError {
  return new BingoError('BINGO_FILE_NOT_BINLOG', `${path} is not a binlog file`, {
    hint: 'Pass a binlog file (it begins with the bytes fe 62 69 6e), not the .index file.',
  })
}

function unreadable(path: string, cause: Error): BingoError {
  return new BingoError('BINGO_FILE_UNREADABLE', `cannot read ${path}: ${cause.message}`, {
    hint: 'Check the path and its permissions.',
    cause,
  })
}
