import { newMetadata, statusName } from '../../clients/grpc.ts'
import type { Client, ClientDuplexStream, MethodDefinition, ServiceError } from '@grpc/grpc-js'
import { BingoError } from '../../model/errors.ts'
import { reasonOf } from '../failure/error-text.ts'
import { loadDescriptorSet } from './descriptors.ts'
import type { Definition } from './message-type.ts'
import { REFLECTION_VERSIONS, reflectionMethods } from './reflection-messages.ts'
import type { ReflectionAnswer, ReflectionMethods, ReflectionRequest } from './reflection-messages.ts'

/** Bounds against a server that goes on and on. */
const MAX_FILES = 1_000
const MAX_BYTES = 32 << 20

/**
 * Asks the server itself what a service looks like (gRPC server reflection, v1 and, where it has only that, v1alpha).
 * Throws BINGO_GRPC_REFLECTION.
 */
export async function reflect(client: Client, service: string, deadlineMs: number): Promise<Definition> {
  let last: unknown
  for (const version of REFLECTION_VERSIONS) {
    const methods = reflectionMethods(version)
    try {
      const files = await fetchFiles(client, methods, service, Date.now() + deadlineMs)
      return loadDescriptorSet(files, 'the server')
    } catch (error) {
      if (error instanceof BingoError) throw error
      last = error
      if (nameOf(error) !== 'UNIMPLEMENTED') break
    }
  }
  const unimplemented = nameOf(last) === 'UNIMPLEMENTED'
  const why = unimplemented ? 'the server does not support it' : reasonOf(last)
  throw new BingoError('BINGO_GRPC_REFLECTION', `Server reflection of ${service} failed: ${why}`, {
    hint: unimplemented ? 'Set `proto` to the .proto file, or enable reflection on the server.' : undefined,
    retryable: true,
    cause: last,
  })
}

/** The file of the service and all that it imports, as a serialised FileDescriptorSet. */
async function fetchFiles(
  client: Client,
  methods: ReflectionMethods,
  service: string,
  deadline: number,
): Promise<Buffer> {
  const conversation = new Conversation(client, methods.info, deadline)
  const files = new Map<string, Buffer>()
  const imported = new Set<string>()
  let bytes = 0
  try {
    let request: ReflectionRequest | undefined = { file_containing_symbol: service }
    while (request !== undefined) {
      for (const file of filesOf(await conversation.ask(request), service)) {
        const { name, dependency } = methods.readFile(file)
        if (files.has(name)) continue
        files.set(name, file)
        for (const other of dependency ?? []) imported.add(other)
        if ((bytes += file.length) > MAX_BYTES || files.size > MAX_FILES) throw new Error('the descriptors do not end')
      }
      const missing = [...imported].find((name) => !files.has(name))
      request = missing === undefined ? undefined : { file_by_filename: missing }
      if (missing !== undefined) imported.delete(missing)
    }
  } finally {
    conversation.end()
  }
  return methods.fileSet([...files.values()])
}

function filesOf(answer: ReflectionAnswer, service: string): readonly Buffer[] {
  const { error_response: error, file_descriptor_response: files } = answer
  if (statusName(error?.error_code ?? -1) === 'NOT_FOUND') {
    throw new BingoError('BINGO_GRPC_METHOD', `the server has no service ${service}`, { retryable: true })
  }
  if (error !== undefined) throw new Error(error.error_message ?? `error ${error.error_code}`)
  return files?.file_descriptor_proto ?? []
}

/** A bidirectional stream used as question and answer. */
class Conversation {
  private readonly stream: ClientDuplexStream<object, object>
  private waiting: { resolve: (answer: ReflectionAnswer) => void; reject: (error: unknown) => void } | null = null
  private failure: Error | null = null

  constructor(client: Client, method: MethodDefinition<object, object>, deadline: number) {
    const { path, requestSerialize, responseDeserialize } = method
    this.stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, newMetadata(), {
      deadline,
    })
    this.stream.on('data', (answer: ReflectionAnswer) => this.waiting?.resolve(answer))
    this.stream.on('error', (error: Error) => this.fail(error))
    this.stream.on('end', () => this.fail(new Error('the server ended the stream')))
  }

  private fail(error: Error): void {
    this.failure ??= error
    this.waiting?.reject(this.failure)
  }

  ask(request: ReflectionRequest): Promise<ReflectionAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ReflectionAnswer>()
    this.waiting = { resolve, reject }
    if (this.failure === null) this.stream.write(request)
    else reject(this.failure)
    return promise
  }

  end(): void {
    this.stream.end()
    this.stream.cancel()
  }
}

/** Of a status that the server has sent; undefined for any other error. */
function nameOf(error: unknown): string | undefined {
  const { code } = error as Partial<ServiceError>
  return code === undefined ? undefined : statusName(code)
}
