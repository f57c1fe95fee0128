import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BingoError } from '../../../../model/errors.ts'

/** type u8 | length of the body u32 */
const RECORD_HEAD_BYTES = 5
const FILE_CHUNK_BYTES = 1024 * 1024

/** What all spools of a reader may keep in memory together (invariant 6). */
export class SpoolMemory {
  readonly #mostBytes: number
  #usedBytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Answers whether there was room for them. They count in either case. */
  take(bytes: number): boolean {
    this.#usedBytes += bytes
    return this.#usedBytes <= this.#mostBytes
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes
  }
}

/** Events set aside in the order read: in memory while there is room, then in a temporary file that has no name. */
export class EventSpool {
  readonly #memory: SpoolMemory
  readonly #folder: string
  #chunks: Buffer[] = []
  #chunkBytes = 0
  #file: number | null = null
  #fileBytes = 0

  /** `folder` takes the temporary file; null = the system's folder for such. */
  constructor(memory: SpoolMemory, folder: string | null) {
    this.#memory = memory
    this.#folder = folder ?? tmpdir()
  }

  /** Copies the body. Throws BINGO_SPOOL_FAILED when the disk does not take it. */
  append(type: number, buffer: Buffer, start: number, end: number): void {
    const record = Buffer.allocUnsafe(RECORD_HEAD_BYTES + end - start)
    record[0] = type
    record.writeUInt32LE(end - start, 1)
    buffer.copy(record, RECORD_HEAD_BYTES, start, end)
    this.#chunks.push(record)
    this.#chunkBytes += record.length
    if (!this.#memory.take(record.length)) this.#flush()
  }

  /** Hands out what was appended, one event after the other; `visit` may take its time. */
  async replay(
    visit: (type: number, buffer: Buffer, start: number, end: number) => void | Promise<void>,
  ): Promise<void> {
    let rest: Buffer = Buffer.alloc(0)
    for (let at = 0; at < this.#fileBytes;) {
      const chunk = Buffer.allocUnsafe(Math.min(FILE_CHUNK_BYTES, this.#fileBytes - at))
      const read = readSync(this.#file!, chunk, 0, chunk.length, at)
      if (read === 0) throw spoolFailed(new Error('the temporary file was truncated'))
      at += read
      rest = await visitRecords(Buffer.concat([rest, chunk.subarray(0, read)]), visit)
    }
    for (const record of this.#chunks) await visitRecords(record, visit)
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file)
    this.#file = null
    this.#fileBytes = 0
    this.#forgetChunks()
  }

  #flush(): void {
    try {
      this.#file ??= openNameless(this.#folder)
      for (const record of this.#chunks) {
        for (let at = 0; at < record.length;)
          at += writeSync(this.#file, record, at, record.length - at, this.#fileBytes + at)
        this.#fileBytes += record.length
      }
    } catch (error) {
      throw spoolFailed(error as Error)
    }
    this.#forgetChunks()
  }

  #forgetChunks(): void {
    this.#memory.giveBack(this.#chunkBytes)
    this.#chunks = []
    this.#chunkBytes = 0
  }
}

/** Visits the whole records in `bytes` and answers the part of one that is left. */
async function visitRecords(
  bytes: Buffer,
  visit: (type: number, buffer: Buffer, start: number, end: number) => void | Promise<void>,
): Promise<Buffer> {
  let at = 0
  while (at + RECORD_HEAD_BYTES <= bytes.length) {
    const start = at + RECORD_HEAD_BYTES
    const end = start + bytes.readUInt32LE(at + 1)
    if (end > bytes.length) break
    const pending = visit(bytes[at]!, bytes, start, end)
    if (pending !== undefined) await pending
    at = end
  }
  return bytes.subarray(at)
}

/** The name is removed at once, so that nothing is left behind however the process ends. */
function openNameless(folder: string): number {
  const parent = mkdtempSync(join(folder, 'bingo-xa-'))
  try {
    return openSync(join(parent, 'events'), 'w+', 0o600)
  } finally {
    rmSync(parent, { recursive: true, force: true })
  }
}

function spoolFailed(cause: Error): BingoError {
  return new BingoError('BINGO_SPOOL_FAILED', `cannot buffer a prepared XA transaction on disk: ${cause.message}`, {
    hint: 'Free space in the temporary folder (TMPDIR), or set another one.',
    retryable: true,
    cause,
  })
}
