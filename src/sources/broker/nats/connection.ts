import type { ConsumerInfo, JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { dialNats, jetstreamOf } from '../../../clients/nats/nats.ts'
import type { NatsLogin } from '../../../clients/nats/login.ts'
import { natsOptions } from '../../../clients/nats/options.ts'
import { withDeadline } from '../../../model/with-deadline.ts'
import { brokerUnfit, brokerUnreachable } from '../errors.ts'
import type { BrokerStart } from '../start.ts'

/** What is not acknowledged by then is delivered again, and then known as in flight. */
const ACK_WAIT_NS = 30e9
const CLOSE_MS = 1_000
const EARLIEST: BrokerStart = { tag: 'earliest' }
const STREAM_NOT_FOUND = 10059
const CONSUMER_NOT_FOUND = 10014

export interface NatsStreamOptions {
  readonly login: NatsLogin
  readonly description: string
  readonly stream: string
  /** Empty: all of the stream. */
  readonly topics: readonly string[]
  readonly group: string
}

export interface OpenNats {
  readonly client: NatsConnection
  readonly manager: JetStreamManager
  readonly stream: StreamInfo
}

export interface OpenConsumer {
  readonly stream: StreamInfo
  readonly consumer: ConsumerInfo
  /** It was there before. */
  readonly isKnown: boolean
}

/** Connects to a stream. Rejects with BingoErrors, or with the client's error. */
export async function openNats(options: NatsStreamOptions): Promise<OpenNats> {
  const client = await dialNats(natsOptions(options.login))
  try {
    const manager = await jetstreamOf(client).jetstreamManager()
    const stream = await streamOf(manager, options)
    if (stream === null) throw missingStream(options)
    return { client, manager, stream }
  } catch (error) {
    await client.close().catch(() => undefined)
    throw error
  }
}

/** Never rejects. */
export async function hangUp({ client }: Pick<OpenNats, 'client'>): Promise<void> {
  await withDeadline(client.flush(), CLOSE_MS).catch(() => undefined)
  await withDeadline(client.close(), CLOSE_MS).catch(() => undefined)
}

/** Makes the durable consumer where there is none. Rejects as `openNats`. */
export async function openConsumer(
  { manager }: OpenNats,
  options: NatsStreamOptions,
  start: BrokerStart,
  stored: number | null,
): Promise<OpenConsumer> {
  const stream = await streamOf(manager, options)
  if (stream === null) throw missingStream(options)
  const known = await consumerOf(manager, options)
  if (known !== null) {
    checkConsumer(known, options)
    checkAlone(known, options)
    return { stream, consumer: known, isKnown: true }
  }
  // Of a work queue all is read: what is finished was removed from it.
  const isQueue = stored !== null && stream.config.retention === 'workqueue'
  const config = { ...configOf(options), ...(isQueue ? beginOf(EARLIEST, null) : beginOf(start, stored)) }
  return { stream, consumer: await manager.consumers.add(options.stream, config), isKnown: false }
}

/** Null: there is none. Rejects with the client's error. */
export async function streamOf(
  manager: JetStreamManager,
  { stream }: Pick<NatsStreamOptions, 'stream'>,
): Promise<StreamInfo | null> {
  return manager.streams.info(stream).catch((error: unknown) => {
    if (codeOf(error) === STREAM_NOT_FOUND) return null
    throw error
  })
}

/** As `streamOf`. */
export async function consumerOf(
  manager: JetStreamManager,
  { stream, group }: Pick<NatsStreamOptions, 'stream' | 'group'>,
): Promise<ConsumerInfo | null> {
  return manager.consumers.info(stream, group).catch((error: unknown) => {
    if (codeOf(error) === CONSUMER_NOT_FOUND) return null
    throw error
  })
}

function configOf({ group, topics }: NatsStreamOptions) {
  return {
    durable_name: group,
    description: 'A source of BinGo. Nobody else is to read by it.',
    ack_policy: 'explicit' as const,
    ack_wait: ACK_WAIT_NS,
    max_ack_pending: -1,
    max_deliver: -1,
    ...(topics.length > 0 && { filter_subjects: [...topics] }),
  }
}

export function beginOf(start: BrokerStart, stored: number | null) {
  if (stored !== null) return { deliver_policy: 'by_start_sequence' as const, opt_start_seq: stored + 1 }
  switch (start.tag) {
    case 'earliest':
      return { deliver_policy: 'all' as const }
    case 'latest':
      return { deliver_policy: 'new' as const }
    case 'time':
      return { deliver_policy: 'by_start_time' as const, opt_start_time: new Date(start.ms).toISOString() }
  }
}

/** One that somebody else made, or that was made for other subjects. Throws BINGO_BROKER_UNFIT. */
export function checkConsumer(
  { config }: ConsumerInfo,
  { description, group, topics }: Omit<NatsStreamOptions, 'login'>,
): void {
  if (config.ack_policy !== 'explicit' || config.deliver_subject !== undefined) {
    const hint = 'Name another one under `durable`, or make it a pull consumer with ack_policy explicit.'
    throw brokerUnfit(description, `the consumer ${group} is not a pull consumer with explicit acknowledgements`, hint)
  }
  const subjects = config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : [])
  if (subjects.toSorted().join(' ') !== [...topics].toSorted().join(' ')) {
    const hint = `Set subjects to [${subjects.join(', ')}], or name another consumer under \`durable\`.`
    throw brokerUnfit(description, `the consumer ${group} is for other subjects`, hint)
  }
}

function checkAlone({ num_waiting: waiting }: ConsumerInfo, { description, group }: NatsStreamOptions): void {
  if (waiting === 0) return
  const hint = 'Stop the other instance, or give each its own `durable` and `subjects`.'
  throw brokerUnreachable(description, `another reader waits for messages of the consumer ${group}`, hint)
}

export function missingStream({ description, stream }: Pick<NatsStreamOptions, 'description' | 'stream'>): Error {
  return brokerUnreachable(description, `there is no stream ${stream}`, 'Create the stream, or correct `stream`.')
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
