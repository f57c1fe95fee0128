import type { ActionType } from '../../model/rule/action.ts'
import { EvaluationError } from '../../model/errors.ts'
import { compileHeaderMap } from '../plan/header-map.ts'
import { refuseFixed, type Wanted } from '../plan/fixed.ts'
import { compileMessage, FORMAT_FIELD, TEXT_FIELDS } from '../plan/message.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { constant, writing } from '../plan/piece.ts'
import type { Piece } from '../plan/piece.ts'
import { checkAddress } from '../plan/address.ts'
import type { AddressRules } from '../plan/address.ts'
import { printableAddress, targetConfig } from '../plan/target-id.ts'
import { compileConnectionAge, CONNECTION_AGE_FIELD } from '../plan/connection-age.ts'
import { compileTls, TLS_FIELD } from '../tls-files.ts'
import type { RabbitmqActionOptions, RabbitmqPayload, RabbitmqTargetOptions } from './options.ts'

/** Names and routing keys are short strings (AMQP 0-9-1, section 4.2.5.3); the client cuts what is longer. */
const MAX_SHORT_BYTES = 255
const ROUTING_KEY: Wanted = {
  pattern: { test: (text: string) => Buffer.byteLength(text) <= MAX_SHORT_BYTES },
  code: 'BINGO_RULE_RABBITMQ_ROUTING_KEY',
  message: `the routing key exceeds ${MAX_SHORT_BYTES} bytes`,
}

const ADDRESS: AddressRules = {
  code: 'BINGO_RULE_RABBITMQ_URL',
  scheme: /^amqps?:\/\//i,
  example: 'amqp://user:password@rabbit:5672/vhost',
  path: true,
  instead: [
    [/^(heartbeat|frame_?max|channel_?max|locale|connection_name)$/i, 'nothing: BinGo sets it'],
    [/^auth_?mechanism$/i, '`tls` with a client certificate, or user and password'],
    [/^(vhost|virtual_?host)$/i, 'the virtual host behind the `/`'],
  ],
}

/** `type: rabbitmq`: one persistent message per event, confirmed by the broker. */
export const rabbitmq: ActionType = {
  type: 'rabbitmq',
  fields: {
    url: { kind: 'string', required: true, doc: 'amqp://user:password@host:5672/vhost or amqps://…' },
    exchange: { kind: 'string', doc: 'The exchange. Default: the default exchange, which routes to the queue named.' },
    routingKey: { kind: 'template', place: 'dotted', required: true, doc: 'The routing key.' },
    headers: { kind: 'templateMap', doc: 'Message headers.' },
    body: { kind: 'structure', doc: 'The message as JSON, or `none`. Default: the event.' },
    format: FORMAT_FIELD,
    ...TEXT_FIELDS,
    maxConnectionAge: CONNECTION_AGE_FIELD,
    tls: TLS_FIELD,
  },
  targetFields: ['url', 'maxConnectionAge', 'tls'],
  defaultCoalesce: () => 'none',
  compile(spec) {
    const url = spec.string('url') ?? ''
    if (spec.has('url')) checkAddress(spec, 'url', url, ADDRESS)
    refuseFixed(spec, 'routingKey', ROUTING_KEY)
    const routingKey = shortString(spec.template('routingKey') ?? constant(''))
    const exchange = spec.string('exchange') ?? ''
    if (Buffer.byteLength(exchange) > MAX_SHORT_BYTES) {
      const hint = `use at most ${MAX_SHORT_BYTES} bytes`
      spec.fail('exchange', 'BINGO_RULE_RABBITMQ_EXCHANGE', 'the name of the exchange is too long', hint)
    }
    const headers = compileHeaderMap(spec, 'headers')
    const message = compileMessage(spec, 'body', 'none')
    const pieces = [routingKey, headers, message.content]
    const options: RabbitmqActionOptions = { exchange, contentType: message.contentType }
    const targetOptions: RabbitmqTargetOptions = {
      url,
      tls: compileTls(spec),
      maxConnectionAgeMs: compileConnectionAge(spec),
    }
    return {
      target: targetConfig('rabbitmq', spec, printableAddress(url), targetOptions),
      options,
      reads: (table) => unionReads(pieces.map((piece) => piece.reads(table))),
      ...writing(pieces),
      bind: (table) => {
        const renderKey = routingKey.bind(table)
        const renderHeaders = headers.bind(table)
        const renderBody = message.content.bind(table)
        return (change, into): RabbitmqPayload => ({
          routingKey: renderKey(change),
          headers: renderHeaders(change),
          body: renderBody(change, into),
        })
      },
    }
  },
  async open(target) {
    const { RabbitmqTarget } = await import('./target.ts')
    return new RabbitmqTarget(target.options as RabbitmqTargetOptions)
  },
}

/** Refuses what the client would cut: a message with half a routing key goes to somebody else. */
function shortString(piece: Piece<string>): Piece<string> {
  return {
    reads: (table) => piece.reads(table),
    bind: (table) => {
      const render = piece.bind(table)
      return (change) => {
        const text = render(change)
        const bytes = Buffer.byteLength(text)
        if (bytes <= MAX_SHORT_BYTES) return text
        const message = `\`routingKey\` has ${bytes} bytes, but at most ${MAX_SHORT_BYTES} are allowed`
        throw new EvaluationError('BINGO_RABBITMQ_ROUTING_KEY', message)
      }
    },
  }
}
