import { BingoError } from '../../model/errors.ts'
import { mapOf } from '../../model/json/shape.ts'
import { readStored } from '../../model/json/stored.ts'
import { FINGERPRINT, POSITION, type ServerFingerprint, type SourcePosition } from '../../model/source/position.ts'
import type { Positions } from '../../model/source/source.ts'

/** A place in a binlog; one that was stored says whose binlog. */
export type BinlogPosition = SourcePosition & { readonly server?: ServerFingerprint | undefined }

/** What is written down of a position: JSON of this. */
export interface PrintedPosition {
  readonly position: SourcePosition
  readonly server: ServerFingerprint
}

const PRINTED = mapOf({ position: POSITION, server: FINGERPRINT })

/** Binlog positions as JSON, each with the fingerprint of the server and file that it belongs to. */
export class BinlogPositions implements Positions<BinlogPosition> {
  private readonly fingerprint: (file: string) => ServerFingerprint

  /** `fingerprint`: identity of the server that is read and of one of its files. */
  constructor(fingerprint: (file: string) => ServerFingerprint) {
    this.fingerprint = fingerprint
  }

  print({ flavour, file, offset, gtidSet }: BinlogPosition): string {
    const printed: PrintedPosition = { position: { flavour, file, offset, gtidSet }, server: this.fingerprint(file) }
    return JSON.stringify(printed)
  }

  parse(text: string): BinlogPosition {
    return parseBinlogPosition(text)
  }
}

export function parseBinlogPosition(text: string): BinlogPosition {
  const { position, server } = readPrinted(text)
  return { ...position, server }
}

/** Throws BINGO_CHECKPOINT_CORRUPT for a text that was not printed here. */
export function readPrinted(stored: string): PrintedPosition {
  return readStored(stored, PRINTED, (fault) => {
    return new BingoError('BINGO_CHECKPOINT_CORRUPT', `The stored position is not a valid binlog position: ${fault}`, {
      hint: 'Set one: `bingo position set latest`, `bingo position set FILE:POS` or `bingo position set GTID_SET`.',
    })
  })
}
