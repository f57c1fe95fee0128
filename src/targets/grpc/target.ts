import type { Client, ServiceError } from '@grpc/grpc-js'
import { statusName } from '../../clients/grpc.ts'
import type { DeliveryFailure, Outcome, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import { receiverAnswer } from '../../model/rule/outcome.ts'
import { classifyThrown } from '../failure/classify.ts'
import { reasonOf } from '../failure/error-text.ts'
import { deliveryFailure } from '../failure/failure.ts'
import { messageId } from '../plan/message-id.ts'
import { headerText } from '../plan/trace-headers.ts'
import { sendInOrder, WITHHELD } from '../failure/in-order.ts'
import { tlsHint } from '../failure/tls-hint.ts'
import { kindOf, OwnCalls, ThreadCalls } from './calls.ts'
import { checkOutline } from './check-outline.ts'
import { findMethod, loadProto } from './descriptors.ts'
import type { UnaryMethod } from './descriptors.ts'
import { fitMessage } from './fit.ts'
import { reflect } from './reflection.ts'
import type { GrpcActionOptions, GrpcPayload, GrpcTargetOptions } from './options.ts'

const MAX_BATCH = 100

/** A server that is asked what it offers has to say so within this time. */
const REFLECTION_DEADLINE_MS = 10_000

/** Status of a call whose answer is not the message of its method. */
const INTERNAL = 13

/** Unary calls over an HTTP/2 connection, or one in each of several threads, in order per lane. */
export class GrpcTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency: number
  readonly #options: GrpcTargetOptions
  readonly #own: OwnCalls
  /** Null: calls go by `#own`, which asks the server what it offers in any case. */
  readonly #threads: ThreadCalls | null
  readonly #mayDeliver: (() => boolean) | undefined
  readonly #methods = new Map<GrpcActionOptions, Promise<UnaryMethod>>()

  constructor(options: GrpcTargetOptions, mayDeliver?: () => boolean) {
    this.#mayDeliver = mayDeliver
    this.#options = options
    this.maxConcurrency = options.concurrency
    this.#own = new OwnCalls(options)
    this.#threads = options.threads === 0 ? null : new ThreadCalls(options)
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
    let client: Client | null = null
    let method: UnaryMethod
    try {
      ;({ client } = this.#own)
      method = await this.#method(client, options)
    } catch (error) {
      this.#methods.delete(options)
      this.#own.discard(client)
      return { kind: 'down', error: error as BingoError }
    }
    const { message, metadata } = job.payload as GrpcPayload
    try {
      const answer = await (this.#threads ?? this.#own).call(
        {
          path: method.definition.path,
          // gRPC would report a message that cannot be encoded as INTERNAL, as if the server had said so.
          message: method.definition.requestSerialize(fitMessage(message, method.request)),
          metadata: metadataOf(job, metadata),
          deadlineMs: options.deadlineMs ?? job.action.timeoutMs,
        },
        signal,
      )
      return { tag: 'done', value: decoded(method, answer) }
    } catch (error) {
      return this.#failure(error, options, signal)
    }
  }

  #method(client: Client, options: GrpcActionOptions): Promise<UnaryMethod> {
    let loading = this.#methods.get(options)
    if (loading === undefined) {
      loading = loadMethod(client, options)
      this.#methods.set(options, loading)
    }
    return loading
  }

  #failure(error: unknown, { service, method }: GrpcActionOptions, signal: AbortSignal): DeliveryFailure {
    const called = `${service}/${method} at ${this.#options.address}`
    const kind = kindOf(error)
    if (kind === undefined) {
      // Of a stop, or of a thread that has ended; of anything else the message never left.
      const cutOff = signal.aborted || classifyThrown(error) === 'down'
      const what = cutOff ? 'was cut off' : 'was not called'
      const code = cutOff ? 'BINGO_TARGET_FAILED' : 'BINGO_GRPC_MESSAGE'
      const message = `${called} ${what}: ${reasonOf(error)}`
      return deliveryFailure(cutOff ? 'down' : 'poison', code, message, { cause: error })
    }
    const name = statusName((error as ServiceError).code)
    return deliveryFailure(kind, 'BINGO_GRPC_STATUS', `${called} answered ${name}`, {
      hint: tlsHint(error) ?? (name === 'UNAVAILABLE' ? detailOf(error) : hintOf(name, kind)),
      cause: error,
      answer: receiverAnswer(name, detailOf(error) ?? ''),
      timedOut: name === 'DEADLINE_EXCEEDED',
    })
  }

  async close(): Promise<void> {
    await Promise.all([this.#own.close(), this.#threads?.close()])
  }
}

/** Name, value, name, value, … */
function metadataOf(job: Sendable, values: { readonly [name: string]: string }): string[] {
  const metadata = Object.entries(values).flat()
  metadata.push('bingo-event-id', headerText(job.id), 'bingo-message-id', messageId(job.id, job.action))
  return metadata
}

function decoded({ definition }: UnaryMethod, answer: Buffer): unknown {
  try {
    return definition.responseDeserialize(answer)
  } catch (error) {
    const details = `Response message parsing error: ${reasonOf(error)}`
    throw Object.assign(new Error(details), { code: INTERNAL, details })
  }
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
