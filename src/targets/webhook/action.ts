import type { ActionType } from '../../model/rule/action.ts'
import { FORMAT_FIELD, TEXT_FIELDS } from '../plan/message.ts'
import { CONNECTION_AGE_FIELD } from '../plan/connection-age.ts'
import { THREADS_FIELD } from '../threads/field.ts'
import { TLS_FIELD } from '../tls-files.ts'
import { compileWebhook } from './compile.ts'
import type { WebhookTargetOptions } from './options.ts'

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'PURGE'] as const

/** `type: webhook`: an HTTP request per event, or per batch of events. */
export const webhook: ActionType = {
  type: 'webhook',
  fields: {
    url: {
      kind: 'template',
      place: 'url',
      required: true,
      doc: 'http:// or https:// address; templates in path and query, where values are percent-encoded.',
    },
    method: { kind: 'enum', values: METHODS, doc: 'HTTP method. Default: POST.' },
    headers: { kind: 'templateMap', doc: 'Additional headers. Data must not set security headers.' },
    body: {
      kind: 'structure',
      doc: 'JSON to send for one event, or `none`. Default: the event; for GET and PURGE none.',
    },
    ...TEXT_FIELDS,
    format: FORMAT_FIELD,
    batch: {
      kind: 'enum',
      values: ['auto', 'always', 'never'],
      doc: 'never: a request each (the default); always: {"events": […]} (the default with debounce); auto: bare or {"events": […]}, by load.',
    },
    sign: {
      kind: 'object',
      fields: { secrets: { kind: 'stringList', required: true, doc: 'whsec_…; several during a rotation.' } },
      doc: 'Signs as Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature).',
    },
    gzip: { kind: 'boolean', doc: 'Compresses bodies of 1 kB and more (content-encoding: gzip).' },
    unauthorized: {
      kind: 'enum',
      values: ['wait', 'refuse'],
      doc: '401, 402, 403, 407: `wait` until the credentials are valid (the default), or `refuse` the event.',
    },
    notFound: {
      kind: 'enum',
      values: ['refuse', 'wait'],
      doc: '404: `refuse` the event (the default), or `wait` until the address exists.',
    },
    concurrency: { kind: 'integer', doc: 'Requests in flight at once. Default: 16.' },
    threads: THREADS_FIELD,
    http2: { kind: 'boolean', doc: 'Uses HTTP/2 if the server supports it. Default: true.' },
    dynamicHost: {
      kind: 'boolean',
      doc: 'Allows templates in the host; BinGo then connects to public addresses only.',
    },
    allowCidrs: { kind: 'stringList', doc: 'Networks to allow although BinGo refuses them by default.' },
    proxy: {
      kind: 'string',
      doc: 'HTTP proxy to connect through: http://user:password@proxy:3128. Not with dynamicHost.',
    },
    maxConnectionAge: CONNECTION_AGE_FIELD,
    tls: TLS_FIELD,
  },
  targetFields: [
    'url',
    'headers',
    'sign',
    'gzip',
    'unauthorized',
    'notFound',
    'concurrency',
    'threads',
    'http2',
    'dynamicHost',
    'allowCidrs',
    'proxy',
    'maxConnectionAge',
    'tls',
  ],
  defaultCoalesce: () => 'none',
  compile: compileWebhook,
  async open(target, { mayDeliver }) {
    const { WebhookTarget } = await import('./target.ts')
    return new WebhookTarget(target.options as WebhookTargetOptions, mayDeliver)
  },
}
