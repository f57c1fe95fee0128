import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { EvaluationError } from '../../model/errors.ts'
import { makeRowRule, type OutboxOptions } from '../../model/rule/outbox-rule.ts'
import type { Rule } from '../../model/rule/rule.ts'
import { READS_WHOLE_ROW } from '../../model/table/column-reads.ts'
import { RecordCodec, type RecordCodecOptions } from '../../sources/broker/codec/record-codec.ts'
import { isRecordTable, recordOfRow } from '../../sources/broker/record-row.ts'
import type { BrokerConfig } from '../config/brokers/contract.ts'

/** Where rules that publish what they read would go round in a circle. */
const MOST_HOPS = 16

export function codecOptions({ name, format, eventType }: BrokerConfig, mostHops = MOST_HOPS): RecordCodecOptions {
  return { format, source: name, type: eventType, instanceId: hostname(), mostHops }
}

/**
 * The rule that a record which cannot be read fails in: its dead letter has the record, and a retry reads it again, as the
 * source is configured by then.
 */
export function recordRule(broker: BrokerConfig, mostHops?: number): Rule {
  const { name, location, written } = broker
  return makeRowRule(
    {
      id: `source ${name}`,
      location,
      version: createHash('sha256').update(written).digest('hex').slice(0, 12),
      matchesTable: (schema, table) => isRecordTable(name, schema, table),
    },
    {
      location,
      reads: () => READS_WHOLE_ROW,
      bind: () => {
        const codec = new RecordCodec(codecOptions(broker, mostHops))
        return (change) => {
          const [decoded, more] = codec.decode(recordOfRow(change.new!))
          if (decoded?.tag === 'event' && more === undefined) return decoded.event
          throw new EvaluationError(
            'BINGO_RECORD_INVALID',
            'the record can be read now, but only its source can act on it',
            {
              hint: 'publish it again, then drop the dead letter',
            },
          )
        }
      },
      options: { table: name, after: 'none', isMade: true } satisfies OutboxOptions,
    },
  )
}
