import { readFile } from 'node:fs/promises'
import { jetstream } from '@nats-io/jetstream'
import type { JetStreamClient } from '@nats-io/jetstream'
import { connect, credsAuthenticator, headers as createHeaders } from '@nats-io/transport-node'
import type { MsgHdrs, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node'
import type { DeliveryFailure, Job, SendResult, Target } from '../../../core/action.ts'
import { BingoError } from '../../../core/errors.ts'
import { classify, NATS_ERRORS } from '../../classify.ts'
import { deliveryFailure, reasonOf } from '../../failure.ts'
import { readTls } from '../../tls-files.ts'
import { withDeadline } from '../../with-deadline.ts'
import { messageId } from '../../message-id.ts'
import type { NatsActionOptions, NatsPayload, NatsTargetOptions } from './options.ts'

const MAX_BATCH = 500
const CONNECT_TIMEOUT_MS = 5_000
const ACK_TIMEOUT_MS = 5_000

/** Rejects with BINGO_NATS_UNREACHABLE; once open, it reconnects by itself. */
export async function openNatsTarget(options: NatsTargetOptions): Promise<Target> {
  try {
    const connection = await connect(await connectionOptions(options))
    return new NatsTarget(connection)
  } catch (cause) {
    if (cause instanceof BingoError) throw cause
    throw new BingoError('BINGO_NATS_UNREACHABLE', `NATS cannot be reached: ${reasonOf(cause)}`, {
      hint: 'Check that NATS is up, and host, port, user, password and TLS in the address.',
      retryable: true,
      cause,
    })
  }
}

async function connectionOptions(options: NatsTargetOptions): Promise<NodeConnectionOptions> {
  const urls = options.url.split(',').map((text) => new URL(text.trim()))
  const [first] = urls
  const encrypted = options.tls !== null || urls.some((url) => url.protocol === 'tls:')
  return {
    servers: urls.map((url) => url.host),
    name: 'bingo',
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    // A connection that is gone is found out within seconds, not minutes.
    pingInterval: 5_000,
    maxPingOut: 2,
    ...(first &&
      first.username !== '' && { user: decodeURIComponent(first.username), pass: decodeURIComponent(first.password) }),
    ...(options.token !== undefined && { token: options.token }),
    ...(options.credentials !== undefined && {
      authenticator: credsAuthenticator(await readFile(options.credentials)),
    }),
    ...(encrypted && { tls: readTls(options.tls ?? {}) }),
  }
}

/**
 * JetStream: each message is acknowledged by the stream that stored it, and carries the event's id, by which the stream
 * drops repetitions within its duplicate window. Core NATS: the server has it, whoever listens.
 */
class NatsTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #connection: NatsConnection
  readonly #jetstream: JetStreamClient

  constructor(connection: NatsConnection) {
    this.#connection = connection
    this.#jetstream = jetstream(connection)
  }

  async send(jobs: readonly Job[]): Promise<SendResult> {
    const outcomes = await Promise.all(jobs.map((job) => this.#publish(job)))
    const core = jobs.some((job) => !(job.action.options as NatsActionOptions).jetstream)
    const flushed = core ? await this.#flush() : null
    if (flushed !== null) {
      for (const [i, job] of jobs.entries()) {
        if (!(job.action.options as NatsActionOptions).jetstream) outcomes[i] ??= flushed
      }
    }
    return outcomes.some((outcome) => outcome !== null) ? outcomes : undefined
  }

  async #publish(job: Job): Promise<DeliveryFailure | null> {
    const options = job.action.options as NatsActionOptions
    const { subject, body } = job.payload as NatsPayload
    try {
      if (options.jetstream) {
        await this.#jetstream.publish(subject, body, {
          msgID: messageId(job.change.id, job.action),
          headers: headersOf(job),
          timeout: ACK_TIMEOUT_MS,
          retries: 0,
        })
      } else {
        const headers = headersOf(job)
        headers.set('Nats-Msg-Id', messageId(job.change.id, job.action))
        this.#connection.publish(subject, body, { headers })
      }
      return null
    } catch (error) {
      return natsFailure(error, subject)
    }
  }

  /** Resolves when the server has read everything published so far. */
  async #flush(): Promise<DeliveryFailure | null> {
    try {
      await withDeadline(this.#connection.flush(), ACK_TIMEOUT_MS)
      return null
    } catch (error) {
      return natsFailure(error, '')
    }
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }
}

function headersOf(job: Job): MsgHdrs {
  const headers = createHeaders()
  headers.set('Content-Type', (job.action.options as NatsActionOptions).contentType)
  for (const [name, value] of Object.entries((job.payload as NatsPayload).headers)) headers.set(name, value)
  return headers
}

function natsFailure(error: unknown, subject: string): DeliveryFailure {
  const word = natsCode(error)
  const kind = classify(NATS_ERRORS, word)
  const where = subject === '' ? '' : ` for subject ${subject}`
  return deliveryFailure(
    kind,
    kind === 'down' ? 'BINGO_NATS_UNREACHABLE' : 'BINGO_NATS_REFUSED',
    `NATS refused the message${where}: ${reasonOf(error)}`,
    { hint: HINTS[word], cause: error },
  )
}

const HINTS: { readonly [word: string]: string } = {
  NoRespondersError: 'Create a stream that covers the subject, or set `jetstream: false`.',
  '10054': 'Raise max_msg_size of the stream, or send less.',
}

/** The stream's own error code where it answered, else the name of the client's error. */
function natsCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  // Without a stream for the subject nobody answers, which the client takes for JetStream being switched off.
  if (error.name === 'JetStreamNotEnabled') return 'NoRespondersError'
  if (error.name === 'JetStreamApiError' && 'code' in error) return String(error.code)
  return /max.?payload/i.test(error.message) ? 'MAX_PAYLOAD' : error.name
}
