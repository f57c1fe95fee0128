import { Server, ServerCredentials, status } from '@grpc/grpc-js'
import type {
  handleUnaryCall,
  MethodDefinition,
  sendUnaryData,
  ServerDuplexStream,
  ServerUnaryCall,
  ServiceDefinition,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader'
import { fileURLToPath } from 'node:url'
import { reflectionMethods } from '../../src/targets/grpc/reflection-messages.ts'
import type { ReflectionRequest, ReflectionVersion } from '../../src/targets/grpc/reflection-messages.ts'

export const MAIL_PROTO = fileURLToPath(new URL('protos/mail.proto', import.meta.url))

export type MailCall = ServerUnaryCall<{ readonly [field: string]: unknown }, { ok: boolean }>
export type MailAnswer = (call: MailCall, done: sendUnaryData<{ ok: boolean }>) => void

export interface MailerOptions {
  readonly port?: number
  readonly credentials?: ServerCredentials
  /** Versions of server reflection that it offers. */
  readonly reflection?: readonly ReflectionVersion[]
  /** Reflection answers with a file and all that it imports. */
  readonly allAtOnce?: boolean
}

/** The service mail.v1.Mailer; `calls` are the messages that it got. */
export class Mailer implements AsyncDisposable {
  readonly calls: { readonly [field: string]: unknown }[] = []
  readonly metadata: { readonly [name: string]: unknown }[] = []
  answer: MailAnswer = (_, done) => done(null, { ok: true })
  /** Names of the files that reflection was asked for, besides the one of the service. */
  readonly filesAsked: string[] = []
  port = 0
  private readonly server = new Server()

  static async start(options: MailerOptions = {}): Promise<Mailer> {
    const mailer = new Mailer()
    const definition = loadSync(MAIL_PROTO, { keepCase: true, longs: String, enums: String })
    const send: handleUnaryCall<{ readonly [field: string]: unknown }, { ok: boolean }> = (call, done) => {
      mailer.calls.push(call.request)
      mailer.metadata.push(call.metadata.getMap())
      mailer.answer(call, done)
    }
    mailer.server.addService(definition['mail.v1.Mailer'] as ServiceDefinition, { Send: send, Watch: () => undefined })
    for (const version of options.reflection ?? []) mailer.reflect(version, definition, options.allAtOnce ?? false)
    const credentials = options.credentials ?? ServerCredentials.createInsecure()
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    mailer.server.bindAsync(`127.0.0.1:${options.port ?? 0}`, credentials, (error, port) => {
      if (error) reject(error)
      else resolve(port)
    })
    mailer.port = await promise
    return mailer
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Answers one file at a time, as many servers do: what a file imports has to be asked for. Some send all at once. */
  private reflect(version: ReflectionVersion, definition: PackageDefinition, allAtOnce: boolean): void {
    const { info } = reflectionMethods(version)
    const files = descriptorFiles(definition)
    const answer = (request: ReflectionRequest): object => {
      const { file_by_filename: name, file_containing_symbol: symbol } = request
      if (name !== undefined) this.filesAsked.push(name)
      const file =
        name === undefined ? (symbol === 'mail.v1.Mailer' ? files.get('mail_v1.proto') : undefined) : files.get(name)
      if (file !== undefined)
        return { file_descriptor_response: { file_descriptor_proto: allAtOnce ? [...files.values()] : [file] } }
      return { error_response: { error_code: status.NOT_FOUND, error_message: `${symbol ?? name} not found` } }
    }
    const talk = (stream: ServerDuplexStream<ReflectionRequest, object>): void => {
      stream.on('data', (request: ReflectionRequest) => stream.write(answer(request)))
      stream.on('end', () => stream.end())
      stream.on('error', () => undefined)
    }
    const service = { ServerReflectionInfo: info as MethodDefinition<ReflectionRequest, object> }
    this.server.addService(service, { ServerReflectionInfo: talk })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.forceShutdown()
  }
}

/** Serialised files by name. proto-loader leaves out what they import, so it is added: fields may stand anywhere. */
function descriptorFiles(definition: PackageDefinition): Map<string, Buffer> {
  const { requestType } = (definition['mail.v1.Mailer'] as ServiceDefinition)['Send'] as unknown as {
    requestType: MessageTypeDefinition<object, object>
  }
  const { readFile } = reflectionMethods('v1')
  const files = new Map(requestType.fileDescriptorProtos.map((file) => [readFile(file).name, file]))
  const others = [...files.keys()].filter((name) => name !== 'mail_v1.proto')
  const dependencies = others.map((name) =>
    Buffer.concat([Buffer.from([(3 << 3) | 2, name.length]), Buffer.from(name)]),
  )
  return files.set('mail_v1.proto', Buffer.concat([files.get('mail_v1.proto')!, ...dependencies]))
}
