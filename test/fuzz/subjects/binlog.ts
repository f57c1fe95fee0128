import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checksumOf } from '../../../src/sources/mysql/binlog/format/checksum.ts'
import { flavourOfFile, readBinlogFiles } from '../../../src/sources/mysql/binlog/file-reader.ts'
import type { BinlogReader } from '../../../src/sources/mysql/binlog/reader.ts'
import { compileRowDecoder } from '../../../src/sources/mysql/binlog/rows/row-decoder.ts'
import type { RowsBlock } from '../../../src/model/source/binlog-stream.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { stringifyValue } from '../../../src/model/event/forms/event-json.ts'
import type { Flavour } from '../../../src/model/table/table.ts'
import type { Random } from '../../support/random-tables.ts'
import { readerFor, Recorder, splitEvents } from '../../unit/sources/mysql/binlog/recorder.ts'
import type { FuzzSubject } from '../subject.ts'

const HEADER = 19
const CHECKSUM = 4

interface Recording {
  readonly flavour: Flavour
  readonly bytes: Buffer
  readonly events: readonly Buffer[]
}

const RECORDINGS: readonly Recording[] = (
  [
    ['mysql-9.7.000001', 'mysql'],
    ['mariadb-10.11.000001', 'mariadb'],
    ['mariadb-11.8.000001', 'mariadb'],
  ] as const
).map(([name, flavour]) => {
  const bytes = readFileSync(new URL(`../../unit/sources/mysql/binlog/fixtures/${name}`, import.meta.url))
  return { flavour, bytes, events: splitEvents(bytes) }
})
/** Every type code that a server has, and a few that none has. */
const TYPES = [2, 3, 4, 5, 13, 14, 15, 16, 19, 23, 24, 25, 26, 27, 29, 30, 31, 32, 33, 34, 35, 38, 39, 40, 41, 42, 99]
const MARIADB_TYPES = [160, 161, 162, 163, 164, 165, 166, 167, 168, 169, 170, 171, 255]

/** Decodes every row, in full and in part, as matching would. */
class DecodingRecorder extends Recorder {
  readonly #random: Random

  constructor(random: Random) {
    super()
    this.#random = random
  }

  override rows(block: RowsBlock): void {
    const some = new Set([...block.table.columns.keys()].filter(() => this.#random.chance(50)))
    for (const columns of ['all', some] as const) {
      compileRowDecoder(block.table, block, { old: columns, new: columns })(
        block.buffer,
        block.start,
        block.end,
        (old, new_) => {
          for (const row of [old, new_]) for (const name of Object.keys(row ?? {})) stringifyValue(row![name])
        },
      )
    }
  }
}

/** Events as a connection brings them: several of one transaction are changed, left out, doubled or exchanged. */
export const binlogStream: FuzzSubject = {
  name: 'binlog-stream',
  async attempt(random) {
    const { flavour, events } = random.pick(RECORDINGS)
    const first = 1 + random.below(events.length - 1)
    const stream = [events[0]!, ...events.slice(Math.max(1, first - 8), first + 6)].map((event) =>
      random.chance(25) ? changed(event, events, random) : event,
    )
    if (random.chance(30)) stream.splice(random.below(stream.length), random.below(3))
    if (random.chance(30)) stream.splice(random.below(stream.length), 0, random.pick(events))
    const reader = readerFor(new DecodingRecorder(random), { flavour: random.chance(95) ? flavour : other(flavour) })
    try {
      for (const event of stream) await fed(reader, event)
      reader.interrupted()
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
    }
  },
}

/** The same as a file: whatever stands in it, also where the sizes of events are wrong. */
export const binlogFile: FuzzSubject = {
  name: 'binlog-file',
  async attempt(random, folder) {
    const { bytes } = random.pick(RECORDINGS)
    const from = random.below(3) === 0 ? 0 : random.below(bytes.length)
    const copy = Buffer.from(bytes.subarray(0, from + random.below(bytes.length - from + 1)))
    for (let i = random.below(6); i > 0 && copy.length > 0; i--) copy[random.below(copy.length)] = random.below(256)
    const path = join(folder, 'binlog.000001')
    writeFileSync(path, copy)
    try {
      const reader = readerFor(new DecodingRecorder(random), { flavour: await flavourOfFile(path) })
      for await (const _ of readBinlogFiles([path], reader));
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
    }
  },
}

async function fed(reader: BinlogReader, event: Buffer): Promise<void> {
  const pending = reader.feed(event, 0, event.length)
  if (pending !== undefined) await pending
}

function other(flavour: Flavour): Flavour {
  return flavour === 'mysql' ? 'mariadb' : 'mysql'
}

/** Mostly with the right size and checksum: those are what an attacker, or a server's bug, would get right. */
function changed(event: Buffer, events: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(event)
  const inBody = (): number => HEADER + random.below(Math.max(1, bytes.length - HEADER - CHECKSUM))
  switch (random.below(7)) {
    case 0:
      bytes = Buffer.concat([bytes.subarray(0, inBody()), Buffer.alloc(CHECKSUM)])
      break
    case 1:
      for (let i = random.below(4); i >= 0; i--) bytes[inBody()] = random.below(256)
      break
    case 2:
      bytes.fill(0xff, inBody(), Math.min(bytes.length, inBody() + random.below(10)))
      break
    case 3:
      bytes[4] = random.pick(random.chance(50) ? TYPES : MARIADB_TYPES)
      break
    case 4: {
      const donor = random.pick(events)
      bytes = Buffer.concat([bytes.subarray(0, inBody()), donor.subarray(Math.min(donor.length, HEADER))])
      break
    }
    case 5:
      bytes = Buffer.concat([
        bytes.subarray(0, HEADER),
        Buffer.from(random.hex(random.below(400)), 'hex'),
        Buffer.alloc(CHECKSUM),
      ])
      break
    default:
      bytes.writeUInt16LE(random.below(0x1_0000), 17)
  }
  if (random.chance(97)) bytes.writeUInt32LE(bytes.length, 9)
  if (random.chance(97)) bytes.writeUInt32LE(checksumOf(bytes, 0, bytes.length - CHECKSUM), bytes.length - CHECKSUM)
  return bytes
}
