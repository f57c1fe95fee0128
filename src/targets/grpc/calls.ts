import type { Client } from '@grpc/grpc-js'
import { newMetadata, openGrpc, statusName, unaryCall } from '../../clients/grpc.ts'
import { classify, GRPC_STATUSES } from '../failure/classify.ts'
import type { Kind } from '../failure/classify.ts'
import { ConnectionAge } from '../plan/connection-age.ts'
import { Threads } from '../threads/threads.ts'
import { readTls } from '../tls-files.ts'
import type { GrpcTargetOptions } from './options.ts'

/** One unary call, encoded. */
export interface UnaryCall {
  /** `/package.Service/Method`. */
  readonly path: string
  readonly message: Buffer
  /** Name, value, name, value, … */
  readonly metadata: readonly string[]
  readonly deadlineMs: number
}

/** Unary calls, wherever the connection is. */
export interface Calls {
  /** The encoded answer. Rejects with what the client says: a status as `code` (a number), its text as `details`. */
  call(call: UnaryCall, signal: AbortSignal): Promise<Buffer>
  close(): Promise<void>
}

/**
 * Over a connection of this thread. After a failure that is the server's, and not the message's, the channel is thrown
 * away: its own pauses before it connects or looks its address up again would come on top of those between our probes, and
 * one that nobody answers any more (half-open) would be kept for another minute.
 */
export class OwnCalls implements Calls {
  readonly #options: GrpcTargetOptions
  readonly #age: ConnectionAge
  #client: Client | null

  constructor(options: GrpcTargetOptions) {
    this.#options = options
    this.#age = new ConnectionAge(options.maxConnectionAgeMs)
    this.#client = openClient(options)
  }

  /** The channel as it is now. Throws BINGO_TLS_FILE. */
  get client(): Client {
    if (this.#age.isOver) this.discard(this.#client)
    if (this.#client === null) {
      this.#age.begin()
      this.#client = openClient(this.#options)
    }
    return this.#client
  }

  async call({ path, message, metadata, deadlineMs }: UnaryCall, signal: AbortSignal): Promise<Buffer> {
    const { client } = this
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const sent = newMetadata()
    for (let i = 0; i < metadata.length; i += 2) sent.set(metadata[i]!, metadata[i + 1]!)
    const cancel = unaryCall(client, path, message, sent, Date.now() + deadlineMs, (error, answer) => {
      if (error) reject(error)
      else resolve(answer!)
    })
    signal.addEventListener('abort', cancel)
    try {
      return await promise
    } catch (error) {
      if (kindOf(error) === 'down') this.discard(client)
      throw error
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }

  /** Calls that are in flight on it end by themselves; the next one opens another. */
  discard(failed: Client | null): void {
    if (failed === null || failed !== this.#client) return
    this.#client = null
    failed.close()
  }

  async close(): Promise<void> {
    this.#client?.close()
  }
}

/** A call as it goes to a thread; its message goes beside it. */
export type ThreadCall = Omit<UnaryCall, 'message'>

/** Over connections of other threads. */
export class ThreadCalls implements Calls {
  readonly #threads: Threads

  constructor(options: GrpcTargetOptions) {
    this.#threads = new Threads('grpc', options)
  }

  async call({ message, ...call }: UnaryCall, signal: AbortSignal): Promise<Buffer> {
    const sent: ThreadCall = call
    return Buffer.from((await this.#threads.call(sent, message, signal)) as Uint8Array)
  }

  close(): Promise<void> {
    return this.#threads.close()
  }
}

/** What the status of a call means; undefined where it never left. */
export function kindOf(error: unknown): Kind | undefined {
  const { code, details } = error as { readonly code?: unknown; readonly details?: unknown }
  if (typeof code !== 'number') return undefined
  return classify(GRPC_STATUSES, `${statusName(code)} ${typeof details === 'string' ? details : ''}`)
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
