import type { BingoError } from '../../../../model/errors.ts'
import type { Stats } from '../../../../model/stats.ts'
import type { Flavour } from '../../../../model/table/table.ts'
import { CHECKSUM_BYTES, checksumMatches } from './checksum.ts'
import { corrupt } from './corrupt-event.ts'
import { EventType } from './event-types.ts'
import { formatDescriptionChecksumMatches, readFormatDescription } from './format-description.ts'
import type { FormatDescription } from './format-description.ts'
import { HEADER_BYTES } from './header.ts'
import { checksumMismatch } from './stream-errors.ts'
import type { EventPlace } from './stream-errors.ts'

/** Files whose creation time is remembered: the checkpoint may lie some files behind the reader. */
const REMEMBERED_FILES = 1024

/** What the FORMAT_DESCRIPTION of the file being read says, and the checks that every event has to pass by it. */
export class StreamFormat {
  /** Creation of the file being read (header of its FORMAT_DESCRIPTION), seconds since 1970; 0 before it was seen. */
  fileCreated = 0
  readonly #flavour: Flavour
  readonly #verify: boolean
  readonly #stats: Stats | null
  readonly #created = new Map<string, number>()
  /** Whether events end with a checksum; null before the connection's FORMAT_DESCRIPTION. */
  #checksums: boolean | null = null

  constructor(flavour: Flavour, verify: boolean, stats: Stats | null) {
    this.#flavour = flavour
    this.#verify = verify
    this.#stats = stats
  }

  /** A new connection or file: what comes next says its format first. */
  forget(): void {
    this.#checksums = null
  }

  /** Creation time of a file read before, seconds since 1970; 0 when not known. */
  createdOf(file: string): number {
    return this.#created.get(file) ?? 0
  }

  /** Verifies the checksum and answers where the body ends. */
  checkedEnd(type: number, buffer: Buffer, start: number, end: number, place: EventPlace): number {
    if (this.#checksums === false) return end
    if (end - start < HEADER_BYTES + CHECKSUM_BYTES) throw corrupt('no room for a checksum')
    if (this.#checksums === null) {
      // Only the ROTATE that begins a dump comes before the format is known: it has a checksum if its last bytes are one.
      if (type !== EventType.ROTATE) throw corrupt('no FORMAT_DESCRIPTION event before it')
      return checksumMatches(buffer, start, end) ? end - CHECKSUM_BYTES : end
    }
    if (this.#verify && !checksumMatches(buffer, start, end)) throw this.#mismatch(type, place)
    return end - CHECKSUM_BYTES
  }

  /** Takes over a FORMAT_DESCRIPTION event. */
  describe(buffer: Buffer, start: number, end: number, place: EventPlace): void {
    const format = this.#checkedFormat(buffer, start, end, place)
    if (format.flavour !== this.#flavour) {
      throw corrupt(`a binlog of ${format.serverVersion}, but one of ${this.#flavour} was expected`)
    }
    this.#checksums = format.checksums
    this.fileCreated = format.created
    if (this.#created.size >= REMEMBERED_FILES) this.#created.clear()
    this.#created.set(place.file, format.created)
  }

  #checkedFormat(buffer: Buffer, start: number, end: number, place: EventPlace): FormatDescription {
    const intact = formatDescriptionChecksumMatches(buffer, start, end)
    try {
      const format = readFormatDescription(buffer, start, end)
      if (intact || !this.#verify || !format.checksums) return format
    } catch (error) {
      if (intact) throw error
    }
    throw this.#mismatch(EventType.FORMAT_DESCRIPTION, place)
  }

  #mismatch(type: number, place: EventPlace): BingoError {
    if (this.#stats !== null) this.#stats.checksumErrorsTotal += 1
    return checksumMismatch(type, place)
  }
}
