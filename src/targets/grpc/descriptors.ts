import { createRequire } from 'node:module'
import { basename } from 'node:path'
import type { MethodDefinition } from '@grpc/grpc-js'
import type { MessageTypeDefinition, Options } from '@grpc/proto-loader'
import { BingoError } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { reasonOf } from '../failure/error-text.ts'
import { isType, requestTypeOf } from './message-type.ts'
import type { Definition, MessageType } from './message-type.ts'

/** Field names as in the .proto file; 64-bit integers and enum values as text. */
const LOADER_OPTIONS: Options = { keepCase: true, longs: String, enums: String }

/** A unary method that can be called, and what its request may hold. */
export interface UnaryMethod {
  readonly definition: MethodDefinition<object, object>
  readonly request: MessageType
}

/** Loaded when the first gRPC action is compiled, at once: rules are compiled without waiting. */
export function protoLoader(): typeof import('@grpc/proto-loader') {
  return createRequire(import.meta.url)('@grpc/proto-loader') as typeof import('@grpc/proto-loader')
}

/** Throws BINGO_GRPC_PROTO. */
export function loadProto(path: string): Definition {
  try {
    return { types: protoLoader().loadSync(path, LOADER_OPTIONS), origin: basename(path), mapsAsEntries: false }
  } catch (cause) {
    throw new BingoError('BINGO_GRPC_PROTO', `Cannot read ${path}: ${reasonOf(cause)}`, {
      hint: 'Check the path, and that imported .proto files are next to it.',
      retryable: true,
      cause,
    })
  }
}

/** From a serialised FileDescriptorSet (descriptor.proto), as reflection and `protoc --descriptor_set_out` give it. */
export function loadDescriptorSet(bytes: Buffer, origin: string): Definition {
  const types = protoLoader().loadFileDescriptorSetFromBuffer(bytes, LOADER_OPTIONS)
  return { types, origin, mapsAsEntries: true }
}

/** The method, unary and there. Throws BINGO_GRPC_METHOD. */
export function findMethod(definition: Definition, service: string, method: string): UnaryMethod {
  const { types, origin } = definition
  const methods = types[service] as { readonly [name: string]: MethodDefinition<object, object> } | undefined
  const found = methods !== undefined && Object.hasOwn(methods, method) ? methods[method] : undefined
  if (methods === undefined || isType(types[service]!)) {
    const services = Object.keys(types).filter((name) => !isType(types[name]!))
    throw missing(`${origin} has no service ${service}`, service, services)
  }
  if (found === undefined)
    throw missing(`${service} of ${origin} has no method ${method}`, method, Object.keys(methods))
  if (found.requestStream || found.responseStream) {
    throw missing(`${service}/${method} is a streaming method; BinGo calls unary methods only`, '', [])
  }
  const { requestType } = found as unknown as { requestType: MessageTypeDefinition<object, object> }
  return { definition: found, request: requestTypeOf(definition, requestType) }
}

function missing(message: string, name: string, there: readonly string[]): BingoError {
  const near = nearestName(name, there)
  const hint =
    near === undefined
      ? there.length === 0
        ? undefined
        : `Write one of: ${there.join(', ')}`
      : `did you mean ${near}?`
  return new BingoError('BINGO_GRPC_METHOD', message, { hint, retryable: true })
}
