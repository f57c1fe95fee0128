import type { ActionSpec, ActionType } from '../../model/rule/action.ts'
import { EvaluationError } from '../../model/errors.ts'
import { compileHeaderMap } from '../plan/header-map.ts'
import { refuseFixed, refuseFixedHeaders, type Wanted } from '../plan/fixed.ts'
import { compileMessage, FORMAT_FIELD, TEXT_FIELDS } from '../plan/message.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { checked, constant, writing } from '../plan/piece.ts'
import { checkAddress } from '../plan/address.ts'
import type { AddressRules } from '../plan/address.ts'
import { printableAddress, targetConfig } from '../plan/target-id.ts'
import { compileConnectionAge, CONNECTION_AGE_FIELD } from '../plan/connection-age.ts'
import { compileTls, TLS_FIELD } from '../tls-files.ts'
import type { NatsActionOptions, NatsPayload, NatsTargetOptions } from './options.ts'

/** A subject to publish to: tokens without spaces, control characters or wildcards, dots between them. */
// oxlint-disable-next-line no-control-regex -- those are what it is about
const SUBJECT = /^[^\s.*>\0-\x1f\x7f]+(\.[^\s.*>\0-\x1f\x7f]+)*$/

const FIXED_SUBJECT: Wanted = {
  pattern: SUBJECT,
  code: 'BINGO_RULE_NATS_SUBJECT',
  message: 'not a valid subject to publish to',
  hint: 'write parts separated by dots, without spaces or wildcards, such as `shop.users`',
}
const HEADER: Wanted = {
  pattern: /^[^\r\n]*$/,
  code: 'BINGO_RULE_NATS_HEADER',
  message: 'contains a line break',
  hint: 'check the secret: BinGo removes only the last line break of a file or variable',
}

const ADDRESS: AddressRules = {
  code: 'BINGO_RULE_NATS_URL',
  scheme: /^(nats|tls):\/\//i,
  example: 'nats://nats:4222',
  path: false,
  instead: [
    [/^(token|auth_?token)$/i, '`token` of the action'],
    [/^(cred|nkey|jwt|seed)/i, '`credentials` or `nkey` of the action'],
  ],
}

/** `type: nats`: one message per event, kept by JetStream unless `jetstream: false`. */
export const nats: ActionType = {
  type: 'nats',
  fields: {
    url: { kind: 'string', required: true, doc: 'nats://user:password@host:4222 or tls://…; several by comma.' },
    subject: { kind: 'template', place: 'dotted', required: true, doc: 'The subject; no wildcards.' },
    headers: { kind: 'templateMap', doc: 'Message headers. `Nats-Msg-Id` is the event’s id.' },
    body: { kind: 'structure', doc: 'The message as JSON, or `none`. Default: the event.' },
    format: FORMAT_FIELD,
    ...TEXT_FIELDS,
    jetstream: {
      kind: 'boolean',
      doc: 'Waits until a stream stores the message. false: core NATS, without confirmation.',
    },
    token: { kind: 'string', doc: 'Token, instead of user and password.' },
    credentials: { kind: 'string', doc: 'Path of a .creds file.' },
    nkey: { kind: 'string', doc: 'Seed of a user’s key pair (SU…), as in `${file:/run/secrets/nkey}`.' },
    maxConnectionAge: CONNECTION_AGE_FIELD,
    tls: TLS_FIELD,
  },
  targetFields: ['url', 'token', 'credentials', 'nkey', 'maxConnectionAge', 'tls'],
  defaultCoalesce: () => 'none',
  compile(spec) {
    const url = spec.string('url') ?? ''
    if (spec.has('url')) for (const one of url.split(',')) checkAddress(spec, 'url', one.trim(), ADDRESS)
    const rendered = spec.template('subject') ?? constant('')
    const subject = checked(
      rendered,
      SUBJECT,
      'BINGO_NATS_SUBJECT',
      'a subject must not have spaces, control characters, wildcards or empty parts',
    )
    refuseFixed(spec, 'subject', FIXED_SUBJECT)
    refuseFixedHeaders(spec, 'headers', HEADER)
    const headers = compileHeaderMap(spec, 'headers')
    const message = compileMessage(spec, 'body', 'none')
    const pieces = [subject, headers, message.content]
    const options: NatsActionOptions = {
      subject: spec.template('subject')?.constant,
      jetstream: spec.boolean('jetstream') ?? true,
      contentType: message.contentType,
      subjectSource: spec.template('subject')?.source ?? '',
    }
    const targetOptions: NatsTargetOptions = {
      url,
      token: spec.string('token'),
      credentials: spec.string('credentials'),
      nkey: spec.string('nkey'),
      tls: compileTls(spec),
      maxConnectionAgeMs: compileConnectionAge(spec),
    }
    checkLogin(spec, targetOptions)
    return {
      target: targetConfig('nats', spec, addressOf(url), targetOptions),
      options,
      reads: (table) => unionReads(pieces.map((piece) => piece.reads(table))),
      ...writing(pieces),
      bind: (table) => {
        const renderSubject = subject.bind(table)
        const renderHeaders = headers.bind(table)
        const renderBody = message.content.bind(table)
        return (change, into): NatsPayload => ({
          subject: renderSubject(change),
          headers: checkedHeaders(renderHeaders(change)),
          body: renderBody(change, into),
        })
      },
    }
  },
  async open(target) {
    const { NatsTarget } = await import('./target.ts')
    const options = target.options as NatsTargetOptions
    return new NatsTarget(options, addressOf(options.url))
  },
}

function addressOf(url: string): string {
  return url
    .split(',')
    .map((part) => printableAddress(part))
    .join(',')
}

function checkLogin(spec: ActionSpec, { url, token, credentials, nkey }: NatsTargetOptions): void {
  const ways = [/\/\/[^/]*@/.test(url) ? 'url' : undefined, token, credentials, nkey].filter((way) => way !== undefined)
  if (ways.length > 1) {
    const hint = 'keep one of: user and password in `url`, `token`, `credentials`, `nkey`'
    spec.fail('url', 'BINGO_RULE_NATS_LOGIN', 'more than one login method is set', hint)
  }
  // The seed itself is a secret, and not repeated.
  if (nkey !== undefined && !/^SU[A-Z2-7]{56}$/.test(nkey.trim())) {
    spec.fail(
      'nkey',
      'BINGO_RULE_NATS_LOGIN',
      '`nkey` is not a valid user seed',
      'write the seed: 58 characters that begin with SU',
    )
  }
}

function checkedHeaders(headers: { readonly [name: string]: string }): { readonly [name: string]: string } {
  for (const [name, value] of Object.entries(headers)) {
    if (/[\r\n]/.test(value)) throw new EvaluationError('BINGO_NATS_HEADER', `header ${name} contains a line break`)
  }
  return headers
}
