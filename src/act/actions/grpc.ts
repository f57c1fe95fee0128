import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ActionSpec, ActionType } from '../../core/action.ts'
import { stringifyValue } from '../../core/event-json.ts'
import { compileHeaderMap } from '../header-map.ts'
import { unionReads } from '../piece.ts'
import { targetConfig } from '../target-id.ts'
import { compileTls, TLS_FIELD } from '../tls-files.ts'
import type { GrpcActionOptions, GrpcPayload, GrpcTargetOptions } from './grpc/options.ts'

const METHOD = /^([A-Za-z_][\w.]*)\/([A-Za-z_]\w*)$/

/** `type: grpc`: one unary call per event. */
export const grpc: ActionType = {
  type: 'grpc',
  fields: {
    address: { kind: 'string', required: true, doc: 'host:port. Plaintext unless `tls` is there.' },
    method: { kind: 'string', required: true, doc: 'package.Service/Method.' },
    proto: { kind: 'string', required: true, doc: 'The .proto file, relative to the rules file.' },
    message: { kind: 'structure', required: true, doc: 'The request message.' },
    metadata: { kind: 'templateMap', doc: 'Call metadata. `bingo-event-id` is always there.' },
    deadline: { kind: 'duration', doc: 'How long a call may take. Default: `timeout`.' },
    concurrency: { kind: 'integer', doc: 'Calls in flight at once. Default: 16.' },
    tls: TLS_FIELD,
  },
  targetFields: ['address', 'concurrency', 'tls'],
  defaultCoalesce: () => 'none',
  compile(spec) {
    const message = spec.structure('message')
    const metadata = compileHeaderMap(spec, 'metadata')
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
  async open(target) {
    const { GrpcTarget } = await import('./grpc/target.ts')
    return new GrpcTarget(target.options as GrpcTargetOptions)
  },
}

function compileMethod(spec: ActionSpec): GrpcActionOptions {
  const [, service = '', method = ''] = METHOD.exec(spec.string('method') ?? '') ?? []
  if (spec.has('method') && service === '') {
    spec.fail('method', 'BINGO_RULE_GRPC_METHOD', 'this is no method', 'as in `mail.Mailer/Send`')
  }
  const proto = resolve(dirname(spec.location.file), spec.string('proto') ?? '')
  if (spec.has('proto') && !existsSync(proto)) {
    spec.fail('proto', 'BINGO_RULE_GRPC_PROTO', `there is no file ${proto}`, 'the path is relative to the rules file')
  }
  return { service, method, proto, deadlineMs: spec.number('deadline') }
}

function compileTarget(spec: ActionSpec): ReturnType<typeof targetConfig> {
  const address = spec.string('address') ?? ''
  if (spec.has('address') && !/^[^/\s]+:\d{1,5}$/.test(address)) {
    spec.fail('address', 'BINGO_RULE_GRPC_ADDRESS', 'this is no address', 'host and port, as in `mail:50051`')
  }
  const concurrency = spec.number('concurrency') ?? 16
  if (concurrency < 1) spec.fail('concurrency', 'BINGO_RULE_GRPC_CONCURRENCY', '`concurrency` is at least 1')
  const options: GrpcTargetOptions = { address, concurrency, tls: compileTls(spec) }
  return targetConfig('grpc', spec, address, options)
}
