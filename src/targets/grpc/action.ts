import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ActionSpec, ActionType } from '../../model/rule/action.ts'
import type { Outline } from '../../model/rule/action-field.ts'
import { BingoError } from '../../model/errors.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'
import { compileHeaderMap } from '../plan/header-map.ts'
import { isHostPort, refuseFixedHeaders, type Wanted } from '../plan/fixed.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { targetConfig } from '../plan/target-id.ts'
import { compileConnectionAge, CONNECTION_AGE_FIELD } from '../plan/connection-age.ts'
import { compileThreads, THREADS_FIELD } from '../threads/field.ts'
import { compileTls, TLS_FIELD } from '../tls-files.ts'
import { checkOutline } from './check-outline.ts'
import { findMethod, loadProto } from './descriptors.ts'
import type { GrpcActionOptions, GrpcPayload, GrpcTargetOptions } from './options.ts'

const METHOD = /^([A-Za-z_][\w.]*)\/([A-Za-z_]\w*)$/

/** As gRPC's wire format has it (PROTOCOL-HTTP2, ASCII-Value). */
const METADATA: Wanted = {
  pattern: /^[\x20-\x7e]*$/,
  code: 'BINGO_RULE_GRPC_METADATA',
  message: 'contains a character that metadata does not allow',
  hint: 'use printable ASCII without line breaks',
}

/** `type: grpc`: one unary call per event. */
export const grpc: ActionType = {
  type: 'grpc',
  fields: {
    address: { kind: 'string', required: true, doc: 'host:port. Plaintext unless `tls` is set.' },
    method: { kind: 'string', required: true, doc: 'package.Service/Method.' },
    proto: {
      kind: 'string',
      doc: 'The .proto file, relative to the rules file. Default: server reflection.',
    },
    message: { kind: 'structure', required: true, doc: 'The request message.' },
    metadata: { kind: 'templateMap', doc: 'Call metadata. BinGo always adds `bingo-event-id`.' },
    deadline: { kind: 'duration', doc: 'Timeout of a call. Default: `timeout`.' },
    concurrency: { kind: 'integer', doc: 'Calls in flight at once. Default: 16.' },
    threads: THREADS_FIELD,
    maxConnectionAge: CONNECTION_AGE_FIELD,
    tls: TLS_FIELD,
  },
  targetFields: ['address', 'concurrency', 'threads', 'maxConnectionAge', 'tls'],
  defaultCoalesce: () => 'none',
  compile(spec) {
    const message = spec.structure('message')
    const metadata = compileHeaderMap(spec, 'metadata')
    checkMetadata(spec)
    refuseFixedHeaders(spec, 'metadata', METADATA)
    return {
      target: compileTarget(spec),
      options: compileMethod(spec),
      reads: (table) => unionReads([...(message ? [message.reads(table)] : []), metadata.reads(table)]),
      bind: (table) => {
        const renderMessage = message!.bind(table)
        const renderMetadata = metadata.bind(table)
        return (change): GrpcPayload => ({
          // By way of JSON: 64-bit integers become strings, which protobuf reads exactly.
          message: JSON.parse(stringifyValue(renderMessage(change))) as object,
          metadata: renderMetadata(change),
        })
      },
    }
  },
  async inspect(action) {
    const { checkOnline } = await import('./check-online.ts')
    return checkOnline(action)
  },
  async open(target, { mayDeliver }) {
    const { GrpcTarget } = await import('./target.ts')
    return new GrpcTarget(target.options as GrpcTargetOptions, mayDeliver)
  },
}

function compileMethod(spec: ActionSpec): GrpcActionOptions {
  const [, service = '', method = ''] = METHOD.exec(spec.string('method') ?? '') ?? []
  if (spec.has('method') && service === '') {
    spec.fail('method', 'BINGO_RULE_GRPC_METHOD', 'not a valid method name', 'write for example `mail.Mailer/Send`')
  }
  const given = spec.string('proto')
  const proto = given === undefined ? null : resolve(dirname(spec.location.file), given)
  const outline = spec.outline('message')
  if (proto !== null && !existsSync(proto)) {
    spec.fail(
      'proto',
      'BINGO_RULE_GRPC_PROTO',
      `the file ${proto} does not exist`,
      'write a path relative to the rules file',
    )
  } else if (proto !== null && service !== '') {
    checkAgainst(proto, service, method, spec, outline)
  }
  return { service, method, proto, deadlineMs: spec.number('deadline'), outline }
}

function checkAgainst(proto: string, service: string, method: string, spec: ActionSpec, outline?: Outline): void {
  try {
    const { request } = findMethod(loadProto(proto), service, method)
    const problems = outline === undefined ? [] : checkOutline(outline, request)
    for (const { location, message } of problems) spec.failAt(location, 'BINGO_RULE_GRPC_FIELD', message)
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    if (error.code === 'BINGO_GRPC_METHOD') spec.fail('method', 'BINGO_RULE_GRPC_METHOD', error.message, error.hint)
    else spec.fail('proto', 'BINGO_RULE_GRPC_PROTO', error.message, error.hint)
  }
}

/** Names that gRPC keeps for itself, and binary ones, which take bytes. */
function checkMetadata(spec: ActionSpec): void {
  for (const name of spec.templateMap('metadata')?.keys() ?? []) {
    if (/^[0-9a-z_.-]+$/i.test(name) && !/^grpc-|-bin$|^bingo-event-id$/i.test(name)) continue
    const hint = 'use letters, digits, `_`, `.` and `-`; not `grpc-…`, `…-bin` or `bingo-event-id`'
    spec.fail('metadata', 'BINGO_RULE_GRPC_METADATA', `${JSON.stringify(name)} is not a valid metadata name`, hint)
  }
}

function compileTarget(spec: ActionSpec): ReturnType<typeof targetConfig> {
  const address = spec.string('address') ?? ''
  if (spec.has('address') && !isHostPort(address)) {
    spec.fail(
      'address',
      'BINGO_RULE_GRPC_ADDRESS',
      'not a valid address',
      'write host and port, such as `mail:50051`; set `tls: {}` for TLS',
    )
  }
  const concurrency = spec.number('concurrency') ?? 16
  if (concurrency < 1) spec.fail('concurrency', 'BINGO_RULE_GRPC_CONCURRENCY', '`concurrency` must be at least 1')
  const options: GrpcTargetOptions = {
    address,
    concurrency,
    threads: compileThreads(spec),
    tls: compileTls(spec),
    maxConnectionAgeMs: compileConnectionAge(spec),
  }
  return targetConfig('grpc', spec, address, options)
}
