import type { ActionType } from '../../model/action.ts'
import { compileHeaderMap } from '../plan/header-map.ts'
import { compileMessage, FORMAT_FIELD } from '../plan/message.ts'
import { unionReads } from '../../model/column-reads.ts'
import { constant } from '../plan/piece.ts'
import { printableAddress, targetConfig } from '../plan/target-id.ts'
import { compileTls, TLS_FIELD } from '../tls-files.ts'
import type { RabbitmqActionOptions, RabbitmqPayload, RabbitmqTargetOptions } from './options.ts'

/** `type: rabbitmq`: one persistent message per event, confirmed by the broker. */
export const rabbitmq: ActionType = {
  type: 'rabbitmq',
  fields: {
    url: { kind: 'string', required: true, doc: 'amqp://user:password@host:5672/vhost or amqps://…' },
    exchange: { kind: 'string', doc: 'The exchange. Default: the default exchange, which routes to the queue named.' },
    routingKey: { kind: 'template', required: true, doc: 'The routing key.' },
    headers: { kind: 'templateMap', doc: 'Message headers.' },
    body: { kind: 'structure', doc: 'The message as JSON. Default: the event.' },
    format: FORMAT_FIELD,
    tls: TLS_FIELD,
  },
  targetFields: ['url', 'tls'],
  defaultCoalesce: () => 'none',
  compile(spec) {
    const url = spec.string('url') ?? ''
    if (spec.has('url') && !/^amqps?:\/\//i.test(url)) {
      spec.fail(
        'url',
        'BINGO_RULE_RABBITMQ_URL',
        'this is no amqp:// or amqps:// address',
        'as in `amqp://rabbit:5672`',
      )
    }
    const routingKey = spec.template('routingKey') ?? constant('')
    const headers = compileHeaderMap(spec, 'headers')
    const message = compileMessage(spec, 'body')
    const options: RabbitmqActionOptions = { exchange: spec.string('exchange') ?? '', contentType: message.contentType }
    const targetOptions: RabbitmqTargetOptions = { url, tls: compileTls(spec) }
    return {
      target: targetConfig('rabbitmq', spec, printableAddress(url), targetOptions),
      options,
      reads: (table) => unionReads([routingKey, headers, message.json].map((piece) => piece.reads(table))),
      bind: (table) => {
        const renderKey = routingKey.bind(table)
        const renderHeaders = headers.bind(table)
        const renderBody = message.json.bind(table)
        return (change): RabbitmqPayload => ({
          routingKey: renderKey(change),
          headers: renderHeaders(change),
          body: renderBody(change),
        })
      },
    }
  },
  async open(target) {
    const { RabbitmqTarget } = await import('./target.ts')
    return new RabbitmqTarget(target.options as RabbitmqTargetOptions)
  },
}
