import type { MethodDefinition } from '@grpc/grpc-js'
import { protoLoader } from './descriptors.ts'

/** In the order tried; both have the same messages under another package. */
export const REFLECTION_VERSIONS = ['v1', 'v1alpha'] as const
export type ReflectionVersion = (typeof REFLECTION_VERSIONS)[number]

/** As in grpc/reflection/v1/reflection.proto, the parts that are used. */
export interface ReflectionRequest {
  readonly file_by_filename?: string
  readonly file_containing_symbol?: string
}
export interface ReflectionAnswer {
  readonly file_descriptor_response?: { readonly file_descriptor_proto?: readonly Buffer[] }
  readonly error_response?: { readonly error_code?: number; readonly error_message?: string }
}

export interface ReflectionMethods {
  readonly info: MethodDefinition<object, object>
  /** Name and imports of a serialised FileDescriptorProto. */
  readFile(bytes: Buffer): { readonly name: string; readonly dependency?: readonly string[] }
  /** A serialised FileDescriptorSet. */
  fileSet(files: readonly Buffer[]): Buffer
}

const string = (id: number): object => ({ type: 'string', id })
const MESSAGES = {
  ServerReflectionRequest: {
    oneofs: { message_request: { oneof: ['file_by_filename', 'file_containing_symbol'] } },
    fields: { host: string(1), file_by_filename: string(3), file_containing_symbol: string(4) },
  },
  ServerReflectionResponse: {
    oneofs: { message_response: { oneof: ['file_descriptor_response', 'error_response'] } },
    fields: {
      file_descriptor_response: { type: 'FileDescriptorResponse', id: 4 },
      error_response: { type: 'ErrorResponse', id: 7 },
    },
  },
  FileDescriptorResponse: { fields: { file_descriptor_proto: { rule: 'repeated', type: 'bytes', id: 1 } } },
  ErrorResponse: { fields: { error_code: { type: 'int32', id: 1 }, error_message: string(2) } },
  // Of descriptor.proto, for its encoder and decoder.
  File: { fields: { name: string(1), dependency: { rule: 'repeated', type: 'string', id: 3 } } },
  FileSet: { fields: { file: { rule: 'repeated', type: 'bytes', id: 1 } } },
  ServerReflection: {
    methods: {
      ServerReflectionInfo: {
        requestType: 'ServerReflectionRequest',
        requestStream: true,
        responseType: 'ServerReflectionResponse',
        responseStream: true,
      },
      // Never called.
      Convert: { requestType: 'File', responseType: 'FileSet' },
    },
  },
}

export function reflectionMethods(version: ReflectionVersion): ReflectionMethods {
  const json = { nested: { grpc: { nested: { reflection: { nested: { [version]: { nested: MESSAGES } } } } } } }
  const definition = protoLoader().fromJSON(json as never, { keepCase: true })
  const service = definition[`grpc.reflection.${version}.ServerReflection`] as {
    readonly [name: string]: MethodDefinition<object, object>
  }
  const { ServerReflectionInfo: info, Convert: convert } = service
  return {
    info: info!,
    readFile: (bytes) => convert!.requestDeserialize(bytes) as ReturnType<ReflectionMethods['readFile']>,
    fileSet: (files) => convert!.responseSerialize({ file: files }),
  }
}
