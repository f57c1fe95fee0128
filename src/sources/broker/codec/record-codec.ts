import type { BrokerRecord, Decoded, RecordFormat } from '../contract.ts'
import { BingoCodec } from './bingo.ts'
import { CloudEventsCodec } from './cloud-events.ts'
import { DebeziumCodec } from './debezium.ts'
import { jsonEvent, type EventDefaults } from './event-envelope.ts'
import { jsonOf } from './json-value.ts'
import { TableShapes } from './table-shapes.ts'

export interface RecordCodecOptions extends EventDefaults {
  readonly format: RecordFormat
}

/** Reads what the records of a source say. */
export class RecordCodec {
  private readonly decodeValue: (record: BrokerRecord) => readonly Decoded[]

  constructor({ format, ...defaults }: RecordCodecOptions) {
    const shapes = new TableShapes()
    this.decodeValue = decoderOf(format, shapes, defaults)
  }

  /**
   * Everything that the record says; nothing for a tombstone, which deletes its key from a compacted topic and is no event.
   * Throws EvaluationError BINGO_RECORD_INVALID.
   */
  decode(record: BrokerRecord): readonly Decoded[] {
    return record.value === null ? [] : this.decodeValue(record)
  }
}

function decoderOf(
  format: RecordFormat,
  shapes: TableShapes,
  defaults: EventDefaults,
): (record: BrokerRecord) => readonly Decoded[] {
  switch (format) {
    case 'debezium': {
      const codec = new DebeziumCodec(shapes, defaults)
      return (record) => codec.decode(record)
    }
    case 'cloudevents': {
      const codec = new CloudEventsCodec(new BingoCodec(shapes, defaults), defaults)
      return (record) => codec.decode(record)
    }
    case 'bingo': {
      const codec = new BingoCodec(shapes, defaults)
      return (record) => codec.decode(record)
    }
    case 'json':
      return (record) => [jsonEvent(record, defaults, { payload: jsonOf(record.value!, 'value') })]
  }
}
