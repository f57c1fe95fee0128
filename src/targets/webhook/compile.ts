import { BlockList, isIP } from 'node:net'
import type { ActionDefaults, ActionSpec, CompiledAction } from '../../model/rule/action.ts'
import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import type { Change } from '../../model/event/change.ts'
import { isPosted } from '../../model/event/posted/posted-event.ts'
import { EvaluationError } from '../../model/errors.ts'
import { urlFault } from '../../model/url-fault.ts'
import type { TableDef } from '../../model/table/table.ts'
import { refuseFixed, type Wanted } from '../plan/fixed.ts'
import { compileMessage, NO_MESSAGE } from '../plan/message.ts'
import type { Message } from '../plan/message.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { checkAddress } from '../plan/address.ts'
import type { AddressRules } from '../plan/address.ts'
import { compileConnectionAge } from '../plan/connection-age.ts'
import { writing } from '../plan/piece.ts'
import { targetConfig } from '../plan/target-id.ts'
import { compileThreads } from '../threads/field.ts'
import { compileTls } from '../tls-files.ts'
import { addCidr, addressPolicy } from './addresses.ts'
import { compileHeaders, traceHeaderList } from './headers.ts'
import type { WebhookActionOptions, WebhookPayload, WebhookTargetOptions, WebhookUrl } from './options.ts'
import { decodeSecret } from './signature.ts'

const DEFAULT_CONCURRENCY = 16
/** Scheme and authority, both without a template, and then the end or the start of path, query or fragment. */
const FIXED_ORIGIN = /^(https?:\/\/[^/?#{}]+)(?:[/?#]|$)/i

const DOT_SEGMENT = /[/\\](?:\.|%2e){1,2}(?:[/\\]|$)/i
/** What is wrong with the origin is told by `compileOrigin`. */
const FIXED_URL: Wanted = {
  pattern: { test: (text: string) => !URL.canParse(FIXED_ORIGIN.exec(text.trim())?.[1] ?? '') || URL.canParse(text) },
  code: 'BINGO_RULE_WEBHOOK_URL',
  message: 'not a valid URL',
  hint: 'write for example `https://crm.example.com:8443/hooks`',
}

const NOWHERE: WebhookUrl = { href: '', origin: '', path: '/' }

/** Compiles one `type: webhook` action. */
export function compileWebhook(spec: ActionSpec, defaults: ActionDefaults): CompiledAction {
  const url = spec.template('url')
  const origin = compileOrigin(spec, url?.outline)
  refuseFixed(spec, 'url', FIXED_URL)
  const headers = compileHeaders(spec)
  const method = (spec.string('method') ?? 'POST') as WebhookActionOptions['method']
  const message = compileBody(spec, method)
  const options: WebhookActionOptions = {
    method,
    batch: compileBatch(spec, message),
    bodyless: message.kind === 'none',
    contentType: message.contentType,
    secrets: compileSecrets(spec),
    gzip: spec.boolean('gzip') ?? false,
    unauthorized: (spec.string('unauthorized') ?? 'wait') as WebhookActionOptions['unauthorized'],
    notFound: (spec.string('notFound') ?? 'refuse') as WebhookActionOptions['notFound'],
  }
  return {
    target: compileTarget(spec, defaults, origin),
    options,
    reads: (table) =>
      unionReads([...(url ? [url.reads(table)] : []), headers.reads(table), message.content.reads(table)]),
    ...writing([...(url ? [url] : []), headers, message.content]),
    bind: (table: TableDef) => {
      const renderUrl = url!.bind(table)
      const renderHeaders = headers.bind(table)
      const renderJson = message.content.bind(table)
      const renderTrace = isPosted(table) ? traceHeaderList(spec, table) : null
      let last = { text: '', url: NOWHERE }
      const hasTemplate = url!.source.includes('{{')
      return (change: Change, into?: ByteArena): WebhookPayload => {
        const text = renderUrl(change)
        if (text !== last.text) last = { text, url: checkedUrl(text, origin, hasTemplate) }
        const payload = { url: last.url, headers: renderHeaders(change), json: renderJson(change, into) }
        return renderTrace === null ? payload : { ...payload, trace: renderTrace(change) }
      }
    },
  }
}

/** GET and PURGE name what they are about in the address, and have no body unless the rule gives one. */
function compileBody(spec: ActionSpec, method: WebhookActionOptions['method']): Message {
  const given = ['body', 'text', 'format'].some((field) => spec.has(field))
  if ((method === 'GET' || method === 'PURGE') && !given) return NO_MESSAGE
  return compileMessage(spec, 'body', 'none')
}

/**
 * The shape of a body must not depend on how busy the daemon is: events go bare where nothing gathers them, and in an
 * array where a window does. Only JSON can hold several.
 */
function compileBatch(spec: ActionSpec, message: Message): WebhookActionOptions['batch'] {
  const batch = spec.string('batch') as WebhookActionOptions['batch'] | undefined
  if (message.kind === 'json') return batch ?? (spec.hasDebounce ? 'always' : 'never')
  if (batch !== undefined && batch !== 'never') {
    const what = message.kind === 'none' ? 'a request without a body' : 'a text'
    spec.fail(
      'batch',
      'BINGO_RULE_WEBHOOK_BATCH',
      `${what} cannot hold several events`,
      'remove `batch`, or set `batch: never`',
    )
  }
  return 'never'
}

/** The origin that the rule names; null where `dynamicHost` lets the data name it. */
function compileOrigin(spec: ActionSpec, source: string | undefined): string | null {
  if (source === undefined) return null
  const fixed = FIXED_ORIGIN.exec(source.trim())?.[1]
  const parsed = fixed === undefined ? null : URL.parse(fixed)
  if (parsed !== null && parsed.username === '' && parsed.password === '') return parsed.origin
  if (parsed !== null) {
    spec.fail(
      'url',
      'BINGO_RULE_WEBHOOK_URL',
      'user and password in a webhook address are not supported',
      'write `headers: {authorization: "Basic …"}`, with the value from `${env:…}`',
    )
    return parsed.origin
  }
  if (!source.includes('{{') || /^(?!https?:)[a-z][a-z0-9+.-]*:/i.test(source)) {
    spec.fail(
      'url',
      'BINGO_RULE_WEBHOOK_URL',
      `not a valid http:// or https:// address${fixed === undefined ? '' : `: ${urlFault(fixed)}`}`,
      'write for example `https://crm.example.com/hooks`',
    )
  } else if (spec.boolean('dynamicHost') !== true) {
    spec.fail(
      'url',
      'BINGO_RULE_WEBHOOK_DYNAMIC_HOST',
      'a template in scheme, host, port or user would let data choose the server',
      'write the host literally, or set `dynamicHost: true` (BinGo then connects to public addresses only)',
    )
  }
  return null
}

function checkedUrl(text: string, origin: string | null, hasTemplate: boolean): WebhookUrl {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new EvaluationError(
      'BINGO_WEBHOOK_URL_INVALID',
      'the rendered webhook address is not a valid http:// or https:// URL',
    )
  }
  if (origin !== null && url.origin !== origin) {
    throw new EvaluationError('BINGO_WEBHOOK_URL_INVALID', 'the rendered webhook address leaves the host of the rule')
  }
  // Dots cannot be encoded: `%2e%2e` means `..` as well.
  if (hasTemplate && DOT_SEGMENT.test(text.replace(/[?#].*$/s, ''))) {
    throw new EvaluationError(
      'BINGO_WEBHOOK_URL_INVALID',
      'a value would turn a part of the path of `url` into `.` or `..` and change the path',
      { hint: 'filter such rows out, or move the value to the query or the body' },
    )
  }
  return { href: url.href, origin: url.origin, path: `${url.pathname}${url.search}` }
}

function compileSecrets(spec: ActionSpec): readonly Buffer[] {
  const sign = spec.object('sign')
  const secrets = sign?.strings('secrets') ?? []
  return secrets.flatMap((secret) => {
    const key = decodeSecret(secret)
    if (key !== null) return [key]
    spec.fail(
      'sign',
      'BINGO_RULE_WEBHOOK_SECRET',
      'a signing secret must be `whsec_` and the base64 of 24 to 64 random bytes',
      'create one: echo whsec_$(openssl rand -base64 32)',
    )
    return []
  })
}

function compileTarget(spec: ActionSpec, defaults: ActionDefaults, origin: string | null): CompiledAction['target'] {
  const concurrency = spec.number('concurrency') ?? DEFAULT_CONCURRENCY
  if (concurrency < 1) spec.fail('concurrency', 'BINGO_RULE_WEBHOOK_CONCURRENCY', '`concurrency` must be at least 1')
  const allowCidrs = spec.strings('allowCidrs') ?? []
  for (const cidr of allowCidrs) {
    if (!addCidr(new BlockList(), cidr)) {
      spec.fail(
        'allowCidrs',
        'BINGO_RULE_WEBHOOK_CIDR',
        `${cidr} is not a valid network`,
        'write for example 10.0.0.0/8 or fd00::/8',
      )
    }
  }
  const allAllowed = [...defaults.allowCidrs, ...allowCidrs]
  refuseLiteral(spec, origin, allAllowed)
  const options: WebhookTargetOptions = {
    origin,
    concurrency,
    threads: compileThreads(spec),
    http2: spec.boolean('http2') ?? true,
    allowCidrs: allAllowed,
    tls: compileTls(spec) ?? {},
    maxConnectionAgeMs: compileConnectionAge(spec),
    proxy: compileProxy(spec),
  }
  return targetConfig('webhook', spec, origin ?? '(dynamic host)', options)
}

const PROXY: AddressRules = {
  code: 'BINGO_RULE_WEBHOOK_PROXY',
  scheme: /^https?:\/\//i,
  example: 'http://user:password@proxy:3128',
  path: false,
  instead: [],
}

/** Which addresses a name has is the proxy's to know then, so data may not choose the host. */
function compileProxy(spec: ActionSpec): string | null {
  const proxy = spec.string('proxy')
  if (proxy === undefined) return null
  checkAddress(spec, 'proxy', proxy, PROXY)
  if (spec.boolean('dynamicHost') === true) {
    const hint = 'write the host literally: behind a proxy BinGo cannot check the address'
    spec.fail('proxy', PROXY.code, '`proxy` and `dynamicHost` exclude each other', hint)
  }
  return proxy
}

/** An address that no connection will ever be made to is told when the rules are loaded; names are checked when connecting. */
function refuseLiteral(spec: ActionSpec, origin: string | null, allowCidrs: readonly string[]): void {
  const host = (origin === null ? undefined : URL.parse(origin)?.hostname)?.replaceAll(/^\[|\]$/g, '') ?? ''
  if (isIP(host) === 0 || addressPolicy(false, allowCidrs)(host)) return
  spec.fail(
    'url',
    'BINGO_RULE_WEBHOOK_ADDRESS',
    `${host} is a link-local or metadata address, which BinGo does not connect to`,
    'list it in `allowCidrs: [...]` if you need it',
  )
}
