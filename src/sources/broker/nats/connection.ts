import type { ConsumerInfo, JetStreamManager, StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { dialNats, jetstreamOf } from '../../../clients/nats.ts'
import type { NatsLogin } from '../../../clients/nats-login.ts'
import { natsOptions } from '../../../clients/nats-options.ts'
import { brokerUnfit, brokerUnreachable } from '../errors.ts'
import type { BrokerStart } from '../start.ts'

/** What is not acknowledged by then is delivered again, and then known as in flight. */
const ACK_WAIT_NS = 30e9
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
  readonly consumer: ConsumerInfo
  /** The consumer was there before. */
  readonly isKnown: boolean
}

/** Connects, and makes the durable consumer where there is none. Rejects with BingoErrors, or with the client's error. */
export async function openNats(
  options: NatsStreamOptions,
  start: BrokerStart,
  stored: number | null,
): Promise<OpenNats> {
  const client = await dialNats(natsOptions(options.login))
  try {
    const manager = await jetstreamOf(client).jetstreamManager()
    const stream = await manager.streams.info(options.stream).catch((error: unknown) => {
      throw codeOf(error) === STREAM_NOT_FOUND ? missing(options) : error
    })
    const known = await manager.consumers.info(options.stream, options.group).catch((error: unknown) => {
      if (codeOf(error) === CONSUMER_NOT_FOUND) return null
      throw error
    })
    if (known !== null) check(known, options)
    const consumer =
      known ?? (await manager.consumers.add(options.stream, { ...configOf(options), ...beginOf(start, stored) }))
    return { client, manager, stream, consumer, isKnown: known !== null }
  } catch (error) {
    await client.close().catch(() => undefined)
    throw error
  }
}

/** Whether there is such a stream; rejects with the client's error. */
export async function hasStream({
  login,
  stream,
}: Pick<NatsStreamOptions, 'login' | 'stream' | 'topics'>): Promise<boolean> {
  const client = await dialNats(natsOptions(login))
  try {
    const manager = await jetstreamOf(client).jetstreamManager()
    await manager.streams.info(stream)
    return true
  } catch (error) {
    if (codeOf(error) === STREAM_NOT_FOUND) return false
    throw error
  } finally {
    await client.close().catch(() => undefined)
  }
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

function beginOf(start: BrokerStart, stored: number | null) {
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

/** One that somebody else made, or that was made for other subjects. */
function check(
  { config, num_waiting: waiting }: ConsumerInfo,
  { description, group, topics }: NatsStreamOptions,
): void {
  if (config.ack_policy !== 'explicit' || config.deliver_subject !== undefined) {
    const hint = 'Name another one under `durable`, or make it a pull consumer with ack_policy explicit.'
    throw brokerUnfit(description, `the consumer ${group} is no pull consumer with explicit acknowledgements`, hint)
  }
  const subjects = config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : [])
  if (subjects.toSorted().join(' ') !== [...topics].toSorted().join(' ')) {
    const hint = `Set subjects to [${subjects.join(', ')}], or name another consumer under \`durable\`.`
    throw brokerUnfit(description, `the consumer ${group} is for other subjects`, hint)
  }
  if (waiting > 0) {
    const hint = 'Stop the other instance, or give each its own `durable` and `subjects`.'
    throw brokerUnreachable(description, `another reader waits for messages of the consumer ${group}`, hint)
  }
}

function missing({ description, stream }: NatsStreamOptions): Error {
  return brokerUnreachable(description, `there is no stream ${stream}`, 'Create the stream, or correct `stream`.')
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
