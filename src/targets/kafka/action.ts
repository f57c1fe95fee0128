import type { ActionSpec, ActionType } from '../../model/rule/action.ts'
import { debeziumEventKey, eventKey } from '../plan/event-key.ts'
import { compileHeaderMap } from '../plan/header-map.ts'
import { isHostPort, refuseFixed, type Wanted } from '../plan/fixed.ts'
import { compileMessage, FORMAT_FIELD, isEmptyPayload, TEXT_FIELDS } from '../plan/message.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { checked, constant, writing } from '../plan/piece.ts'
import { targetConfig } from '../plan/target-id.ts'
import { compileConnectionAge, CONNECTION_AGE_FIELD } from '../plan/connection-age.ts'
import { compileTls, TLS_FIELD } from '../tls-files.ts'
import type { KafkaActionOptions, KafkaPayload, KafkaTargetOptions, SaslOptions } from './options.ts'

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

/** Names that brokers take (org.apache.kafka.common.internals.Topic). */
const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/

const FIXED_TOPIC: Wanted = {
  pattern: TOPIC,
  code: 'BINGO_RULE_KAFKA_TOPIC',
  message: 'not a valid topic name',
  hint: 'use at most 249 letters, digits, `.`, `_` and `-`',
}

/** `type: kafka`: one record per event. */
export const kafka: ActionType = {
  type: 'kafka',
  fields: {
    brokers: { kind: 'stringList', required: true, doc: 'Bootstrap brokers, host:port.' },
    topic: { kind: 'template', required: true, doc: 'The topic.' },
    key: { kind: 'template', doc: 'Record key; decides the partition. Default: the primary key.' },
    headers: { kind: 'templateMap', doc: 'Record headers. BinGo always adds `bingo-event-id`.' },
    value: { kind: 'structure', doc: 'Record value as JSON, or `tombstone` for a null value. Default: the event.' },
    format: FORMAT_FIELD,
    tombstones: {
      kind: 'boolean',
      doc: 'After the record of a DELETE, one without a value. Default: true for `format: debezium`, else false.',
    },
    ...TEXT_FIELDS,
    compression: { kind: 'enum', values: ['none', 'gzip', 'snappy', 'lz4', 'zstd'], doc: 'Default: none.' },
    createTopics: {
      kind: 'boolean',
      doc: 'Lets the broker create missing topics if it is configured to. Default: false.',
    },
    sasl: {
      kind: 'object',
      fields: {
        mechanism: { kind: 'enum', values: MECHANISMS, doc: 'Default: PLAIN.' },
        username: { kind: 'string', required: true, doc: 'User.' },
        password: { kind: 'string', required: true, doc: 'Password.' },
      },
      doc: 'Credentials.',
    },
    exactlyOnce: {
      kind: 'boolean',
      doc: 'Sends in transactions: readers with read_committed see each event once, also after a crash. Default: false.',
    },
    maxConnectionAge: CONNECTION_AGE_FIELD,
    tls: TLS_FIELD,
  },
  targetFields: ['brokers', 'createTopics', 'exactlyOnce', 'sasl', 'maxConnectionAge', 'tls'],
  defaultCoalesce: () => 'none',
  compile(spec) {
    refuseFixed(spec, 'topic', FIXED_TOPIC)
    const topicTemplate = spec.template('topic')
    const fixed = topicTemplate?.constant
    const topic =
      fixed === undefined
        ? checked(
            topicTemplate ?? constant(''),
            TOPIC,
            'BINGO_KAFKA_TOPIC',
            '`topic` must have 1 to 249 letters, digits, `.`, `_` and `-`',
          )
        : constant(fixed)
    const debezium = spec.string('format') === 'debezium'
    const key = spec.template('key') ?? (debezium ? debeziumEventKey : eventKey)
    const headers = compileHeaderMap(spec, 'headers')
    const message = compileMessage(spec, 'value', 'tombstone')
    const pieces = [topic, key, headers, message.content]
    const options: KafkaActionOptions = {
      topic: topicTemplate?.constant,
      compression: (spec.string('compression') ?? 'none') as KafkaActionOptions['compression'],
      contentType: message.contentType,
      topicSource: topicTemplate?.source ?? '',
    }
    return {
      target: compileTarget(spec),
      options,
      reads: (table) => unionReads(pieces.map((piece) => piece.reads(table))),
      ...writing(pieces),
      bind: (table) => {
        const renderTopic = topic.bind(table)
        const renderKey = key.bind(table)
        const renderHeaders = headers.bind(table)
        const renderValue = message.content.bind(table)
        const isTombstone = message.kind === 'none'
        const isPayload = message.kind === 'payload'
        const tombstones = !isTombstone && (spec.boolean('tombstones') ?? debezium)
        return (change, into): KafkaPayload => {
          const payload = {
            topic: renderTopic(change),
            key: renderKey(change),
            headers: renderHeaders(change),
            value: isTombstone || (isPayload && isEmptyPayload(change)) ? null : renderValue(change, into),
          }
          return tombstones && change.op === 'delete' ? { ...payload, tombstone: true } : payload
        }
      },
    }
  },
  async open(target, { now, run }) {
    const options = target.options as KafkaTargetOptions
    if (options.exactlyOnce && run !== undefined) {
      const { ExactlyOnceTarget } = await import('./once/target.ts')
      return new ExactlyOnceTarget(target.id, options, run, now)
    }
    const { KafkaTarget } = await import('./target.ts')
    return new KafkaTarget(options, now)
  },
}

function compileTarget(spec: ActionSpec): ReturnType<typeof targetConfig> {
  const brokers = spec.strings('brokers') ?? []
  for (const broker of brokers) {
    if (!isHostPort(broker)) {
      const hint = 'write host and port, such as `kafka-1:9092`; set `tls: {}` for TLS, `sasl` for user and password'
      spec.fail(
        'brokers',
        'BINGO_RULE_KAFKA_BROKER',
        'a broker address must be HOST:PORT, without scheme, user, path or options',
        hint,
      )
    }
  }
  const sasl = spec.object('sasl')
  const options: KafkaTargetOptions = {
    brokers,
    createTopics: spec.boolean('createTopics') ?? false,
    exactlyOnce: spec.boolean('exactlyOnce') ?? false,
    tls: compileTls(spec),
    maxConnectionAgeMs: compileConnectionAge(spec),
    sasl: sasl
      ? {
          mechanism: (sasl.string('mechanism') ?? 'PLAIN') as SaslOptions['mechanism'],
          username: sasl.string('username') ?? '',
          password: sasl.string('password') ?? '',
        }
      : null,
  }
  return targetConfig('kafka', spec, brokers.join(','), options)
}
