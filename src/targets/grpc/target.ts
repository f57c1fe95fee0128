import type { Client, Metadata, MethodDefinition, ServiceError } from '@grpc/grpc-js'
import { newMetadata, openGrpc, statusName, unaryCall } from '../../clients/grpc.ts'
import type { DeliveryFailure, Outcome, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import { receiverAnswer } from '../../model/rule/outcome.ts'
import { classify, GRPC_STATUSES } from '../failure/classify.ts'
import { reasonOf } from '../failure/error-text.ts'
import { deliveryFailure } from '../failure/failure.ts'
import { messageId } from '../plan/message-id.ts'
import { headerText } from '../plan/trace-headers.ts'
import { sendInOrder, WITHHELD } from '../failure/in-order.ts'
import { ConnectionAge } from '../plan/connection-age.ts'
import { readTls } from '../tls-files.ts'
import { tlsHint } from '../failure/tls-hint.ts'
import { checkOutline } from './check-outline.ts'
import { findMethod, loadProto } from './descriptors.ts'
import type { UnaryMethod } from './descriptors.ts'
import { fitMessage } from './fit.ts'
import { reflect } from './reflection.ts'
import type { GrpcActionOptions, GrpcPayload, GrpcTargetOptions } from './options.ts'

const MAX_BATCH = 100

/** A server that is asked what it offers has to say so within this time. */
const REFLECTION_DEADLINE_MS = 10_000

/**
 * Unary calls over one HTTP/2 connection, in order per lane. After a failure that is the server's, and not the message's,
 * the channel is thrown away: its own pauses before it connects or looks its address up again would come on top of those
 * between our probes, and one that nobody answers any more (half-open) would be kept for another minute.
 */
export class GrpcTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency: number
  readonly #options: GrpcTargetOptions
  readonly #age: ConnectionAge
  readonly #mayDeliver: (() => boolean) | undefined
  readonly #methods = new Map<GrpcActionOptions, Promise<UnaryMethod>>()
  #client: Client | null

  constructor(options: GrpcTargetOptions, mayDeliver?: () => boolean) {
    this.#mayDeliver = mayDeliver
    this.#options = options
    this.maxConcurrency = options.concurrency
    this.#age = new ConnectionAge(options.maxConnectionAgeMs)
    this.#client = openClient(options)
  }

  send(jobs: readonly Sendable[], signal: AbortSignal): Promise<SendResult> {
    const send = async (job: Sendable): Promise<DeliveryFailure | null> => {
      const outcome = await this.ask(job, signal)
      return 'tag' in outcome ? null : outcome
    }
    return sendInOrder(jobs, send)
  }

  async ask(job: Sendable, signal: AbortSignal): Promise<Outcome> {
    if (this.#mayDeliver?.() === false) return WITHHELD
    const options = job.action.options as GrpcActionOptions
    if (this.#age.isOver) this.#discard(this.#client)
    let client: Client | null = null
    let method: UnaryMethod
    try {
      client = this.#client ??= this.#open()
      method = await this.#method(client, options)
    } catch (error) {
      this.#methods.delete(options)
      this.#discard(client)
      return { kind: 'down', error: error as BingoError }
    }
    const { message, metadata } = job.payload as GrpcPayload
    try {
      // gRPC would report a message that cannot be encoded as INTERNAL, as if the server had said so.
      const bytes = method.definition.requestSerialize(fitMessage(message, method.request))
      const deadlineMs = options.deadlineMs ?? job.action.timeoutMs
      const value = await this.#unary(client, method.definition, bytes, metadataOf(job, metadata), deadlineMs, signal)
      return { tag: 'done', value }
    } catch (error) {
      const failure = this.#failure(error, options)
      if (failure.kind === 'down') this.#discard(client)
      return failure
    }
  }

  #unary(
    client: Client,
    method: MethodDefinition<object, object>,
    message: Buffer,
    metadata: Metadata,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const { path, responseDeserialize } = method
    const deadline = Date.now() + deadlineMs
    const cancel = unaryCall(client, path, responseDeserialize, message, metadata, deadline, (error, value) => {
      signal.removeEventListener('abort', cancel)
      if (error) reject(error)
      else resolve(value)
    })
    signal.addEventListener('abort', cancel)
    return promise
  }

  #method(client: Client, options: GrpcActionOptions): Promise<UnaryMethod> {
    let loading = this.#methods.get(options)
    if (loading === undefined) {
      loading = loadMethod(client, options)
      this.#methods.set(options, loading)
    }
    return loading
  }

  #failure(error: unknown, { service, method }: GrpcActionOptions): DeliveryFailure {
    const called = `${service}/${method} at ${this.#options.address}`
    const { code } = error as Partial<ServiceError>
    // Without a status the message never left.
    if (typeof code !== 'number') {
      return deliveryFailure('poison', 'BINGO_GRPC_MESSAGE', `${called} was not called: ${reasonOf(error)}`, {
        cause: error,
      })
    }
    const name = statusName(code)
    const kind = classify(GRPC_STATUSES, `${name} ${detailOf(error) ?? ''}`)
    return deliveryFailure(kind, 'BINGO_GRPC_STATUS', `${called} answered ${name}`, {
      hint: tlsHint(error) ?? (name === 'UNAVAILABLE' ? detailOf(error) : hintOf(name, kind)),
      cause: error,
      answer: receiverAnswer(name, detailOf(error) ?? ''),
    })
  }

  #open(): Client {
    this.#age.begin()
    return openClient(this.#options)
  }

  /** Calls that are under way on it end by themselves; the next one opens another. */
  #discard(failed: Client | null): void {
    if (failed === null || failed !== this.#client) return
    this.#client = null
    failed.close()
  }

  async close(): Promise<void> {
    this.#client?.close()
  }
}

function metadataOf(job: Sendable, values: { readonly [name: string]: string }): Metadata {
  const metadata = newMetadata()
  for (const [name, value] of Object.entries(values)) metadata.set(name, value)
  metadata.set('bingo-event-id', headerText(job.id))
  metadata.set('bingo-message-id', messageId(job.id, job.action))
  return metadata
}

/** The method, by the .proto file or by asking the server; also refuses a message that does not fit it. */
async function loadMethod(client: Client, options: GrpcActionOptions): Promise<UnaryMethod> {
  const { proto, service, method, outline } = options
  const definition = proto === null ? await reflect(client, service, REFLECTION_DEADLINE_MS) : loadProto(proto)
  const found = findMethod(definition, service, method)
  const problem = outline === undefined ? undefined : checkOutline(outline, found.request)[0]
  if (problem === undefined) return found
  throw new BingoError('BINGO_GRPC_FIELD', `The message for ${service}/${method} is not valid: ${problem.message}`, {
    hint: `See line ${problem.location.line} of ${problem.location.file}.`,
    retryable: true,
  })
}

export function openClient(options: GrpcTargetOptions): Client {
  const servername = options.tls?.servername
  return openGrpc(options.address, options.tls && readTls(options.tls), {
    'grpc.enable_retries': 0,
    'grpc.keepalive_time_ms': 30_000,
    // Connections are shared by all channels of the process, and with them their pauses after a failure.
    'grpc.use_local_subchannel_pool': 1,
    ...(servername !== undefined && {
      'grpc.ssl_target_name_override': servername,
      'grpc.default_authority': servername,
    }),
  })
}

function hintOf(name: string, kind: DeliveryFailure['kind']): string | undefined {
  if (name === 'RESOURCE_EXHAUSTED' && kind === 'poison') {
    return 'Raise the server’s message limit (4 MB by default), or send less.'
  }
  if (name === 'UNAUTHENTICATED')
    return 'Check the credentials in `metadata` or `tls`: they are wrong, missing or expired.'
  if (name === 'PERMISSION_DENIED') return 'Grant the caller this method; the events wait.'
  return undefined
}

/** What gRPC says about a connection that fails; certificates are named in this text only. */
function detailOf(error: unknown): string | undefined {
  const { details } = error as Partial<ServiceError>
  return details === undefined || details === '' ? undefined : details
}
