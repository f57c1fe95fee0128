import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import type { MethodDefinition, ServiceError } from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import type { DeliveryFailure, Job, SendResult, Target } from '../../../core/action.ts'
import { BingoError } from '../../../core/errors.ts'
import { classify, GRPC_STATUSES } from '../../classify.ts'
import { deliveryFailure, reasonOf } from '../../failure.ts'
import { sendInOrder } from '../../in-order.ts'
import { readTls } from '../../tls-files.ts'
import type { TlsFiles } from '../../tls-files.ts'
import type { GrpcActionOptions, GrpcPayload, GrpcTargetOptions } from './options.ts'

const MAX_BATCH = 100

/** Field names as in the .proto file; 64-bit integers and enum values as text. */
const LOADER_OPTIONS = { keepCase: true, longs: String, enums: String }

type UnaryMethod = MethodDefinition<object, object>

/** Unary calls over one HTTP/2 connection, in order per lane. */
export class GrpcTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency: number
  readonly #client: Client
  readonly #address: string
  readonly #methods = new Map<GrpcActionOptions, Promise<UnaryMethod>>()

  constructor(options: GrpcTargetOptions) {
    this.#address = options.address
    this.maxConcurrency = options.concurrency
    this.#client = new Client(options.address, channelCredentials(options.tls), {
      'grpc.enable_retries': 0,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.max_reconnect_backoff_ms': 5_000,
      ...(options.tls?.servername !== undefined && { 'grpc.ssl_target_name_override': options.tls.servername }),
    })
  }

  send(jobs: readonly Job[], signal: AbortSignal): Promise<SendResult> {
    return sendInOrder(jobs, (job) => this.#call(job, signal))
  }

  async #call(job: Job, signal: AbortSignal): Promise<DeliveryFailure | null> {
    const options = job.action.options as GrpcActionOptions
    let method: UnaryMethod
    try {
      method = await this.#method(options)
    } catch (error) {
      this.#methods.delete(options)
      return { kind: 'down', error: error as BingoError }
    }
    const { message, metadata } = job.payload as GrpcPayload
    try {
      await this.#unary(method, message, metadataOf(job, metadata), options.deadlineMs ?? job.action.timeoutMs, signal)
      return null
    } catch (error) {
      return this.#failure(error, options)
    }
  }

  #unary(
    method: UnaryMethod,
    message: object,
    metadata: Metadata,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const { path, requestSerialize, responseDeserialize } = method
    const deadline = Date.now() + deadlineMs
    const call = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      metadata,
      { deadline },
      (error) => {
        if (error) reject(error)
        else resolve()
      },
    )
    const cancel = (): void => call.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', cancel))
  }

  #method(options: GrpcActionOptions): Promise<UnaryMethod> {
    let loading = this.#methods.get(options)
    if (loading === undefined) {
      loading = loadMethod(options)
      this.#methods.set(options, loading)
    }
    return loading
  }

  #failure(error: unknown, { service, method }: GrpcActionOptions): DeliveryFailure {
    const code = (error as Partial<ServiceError>).code
    const name = typeof code === 'number' ? (status[code] ?? 'UNKNOWN') : 'INVALID_ARGUMENT'
    // Without a status the message never left: it does not fit the .proto file.
    const what =
      typeof code === 'number' ? `answered ${name}` : `was not called, the message does not fit: ${reasonOf(error)}`
    const kind = classify(GRPC_STATUSES, name)
    return deliveryFailure(kind, 'BINGO_GRPC_STATUS', `${service}/${method} at ${this.#address} ${what}`, {
      cause: error,
    })
  }

  async close(): Promise<void> {
    this.#client.close()
  }
}

function channelCredentials(tls: TlsFiles | null): ReturnType<typeof credentials.createInsecure> {
  if (tls === null) return credentials.createInsecure()
  const { ca, cert, key } = readTls(tls)
  const buffer = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text))
  return credentials.createSsl(buffer(ca), buffer(key), buffer(cert))
}

function metadataOf(job: Job, values: { readonly [name: string]: string }): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(values)) metadata.set(name, value)
  metadata.set('bingo-event-id', job.change.id)
  return metadata
}

async function loadMethod({ proto, service, method }: GrpcActionOptions): Promise<UnaryMethod> {
  let definition: Awaited<ReturnType<typeof load>>
  try {
    definition = await load(proto, LOADER_OPTIONS)
  } catch (cause) {
    throw new BingoError('BINGO_GRPC_PROTO', `Cannot read ${proto}: ${reasonOf(cause)}`, {
      hint: 'Check the path, and that imported .proto files lie beside it.',
      retryable: true,
      cause,
    })
  }
  const found = (definition[service] as { [name: string]: UnaryMethod } | undefined)?.[method]
  if (
    found === undefined ||
    typeof found.requestSerialize !== 'function' ||
    found.requestStream ||
    found.responseStream
  ) {
    throw new BingoError('BINGO_GRPC_METHOD', `${proto} has no unary method ${service}/${method}`, {
      hint: `Services there: ${Object.keys(definition).join(', ')}`,
      retryable: true,
    })
  }
  return found
}
