import type { JetStreamClient, JetStreamManager, StreamConfig } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { dialNats, jetstreamOf } from '../../clients/nats/nats.ts'
import { natsOptions } from '../../clients/nats/options.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { engineUnfit } from '../errors.ts'
import type { NatsAddress } from './address.ts'

const CLOSE_TIMEOUT_MS = 1_000
const DUPLICATE_WINDOW_NS = 1e9
const STREAM_NOT_FOUND = 10059

/** A connection with the stream in place, until its first trouble: then another one is opened. */
export interface StreamConnection {
  readonly client: NatsConnection
  readonly jetstream: JetStreamClient
  readonly manager: JetStreamManager
  /** Bytes of a message, headers included, at most. */
  readonly mostBytes: number
}

/** Makes the stream where there is none. Rejects with BINGO_LOG_ENGINE_UNFIT, or with the client's error. */
export async function openStream(address: NatsAddress): Promise<StreamConnection> {
  const client = await dialNats(natsOptions(address))
  try {
    const jetstream = jetstreamOf(client)
    const manager = await jetstream.jetstreamManager()
    const { max_msg_size: most } = await streamOf(manager, address)
    const ofServer = client.info?.max_payload ?? 1 << 20
    return { client, jetstream, manager, mostBytes: most > 0 ? Math.min(most, ofServer) : ofServer }
  } catch (error) {
    await closeStream({ client })
    throw error
  }
}

/** Makes nothing. Rejects with the client's error. */
export async function hasStream(address: NatsAddress): Promise<boolean> {
  const client = await dialNats(natsOptions(address))
  try {
    await (await jetstreamOf(client).jetstreamManager()).streams.info(address.stream)
    return true
  } catch (error) {
    if (isStreamMissing(error)) return false
    throw error
  } finally {
    await closeStream({ client })
  }
}

export async function closeStream({ client }: Pick<StreamConnection, 'client'>): Promise<void> {
  await withDeadline(client.close(), CLOSE_TIMEOUT_MS).catch(() => undefined)
}

async function streamOf(manager: JetStreamManager, address: NatsAddress): Promise<StreamConfig> {
  const { stream, replicas, printable } = address
  const known = await manager.streams.info(stream).catch((error: unknown) => {
    if (isStreamMissing(error)) return null
    throw error
  })
  if (known !== null) {
    check(known.config, address)
    return known.config
  }
  try {
    const { config } = await manager.streams.add({
      name: stream,
      description: 'Events of BinGo. Nobody else is to publish here.',
      subjects: [`${stream}.*`],
      storage: 'file',
      retention: 'limits',
      discard: 'new',
      num_replicas: replicas,
      allow_direct: true,
      // Ids are those of one attempt: nothing is gained by remembering them.
      duplicate_window: DUPLICATE_WINDOW_NS,
    })
    return config
  } catch (error) {
    // Two that start at once make the same.
    if (error instanceof Error && /maximum|insufficient|replicas/i.test(error.message)) {
      throw engineUnfit(
        printable,
        error.message,
        'Give JetStream more storage or servers, or make the stream yourself.',
      )
    }
    throw error
  }
}

/** A stream that was made by somebody else must not lose what it was given. */
function check(config: StreamConfig, { stream, printable }: NatsAddress): void {
  const wrong: readonly [boolean, string, string][] = [
    [config.storage !== 'file', 'the stream is in memory', 'Make it with storage "file".'],
    [
      !config.subjects.some((subject) => [`${stream}.*`, `${stream}.>`].includes(subject)),
      `the stream has no subject ${stream}.*`,
      `Add the subject ${stream}.* to the stream.`,
    ],
    [!config.allow_direct, 'the stream does not allow direct reads', 'Set allow_direct.'],
    [config.sealed, 'the stream is sealed', 'Name another stream.'],
    [config.no_ack === true, 'the stream does not acknowledge', 'Unset no_ack.'],
    [
      config.retention !== 'limits',
      `the stream removes what its consumers have taken (retention "${config.retention}")`,
      'Make it with retention "limits".',
    ],
    [config.max_age > 0, 'the stream removes messages by their age', 'Set its max_age to 0.'],
    [
      config.discard !== 'new' && [config.max_msgs, config.max_bytes].some((most) => most > 0),
      'the stream removes its oldest messages where it is full',
      'Set its discard policy to "new".',
    ],
    [
      config.max_msgs_per_subject > 0 && !(config.discard === 'new' && config.discard_new_per_subject),
      'the stream removes the oldest messages of a subject',
      'Set its max_msgs_per_subject to -1.',
    ],
    [config.subject_transform !== undefined, 'the stream changes subjects', 'Remove its subject_transform.'],
    [config.mirror !== undefined, 'the stream mirrors another one', 'Name the stream that it mirrors.'],
    [config.persist_mode === 'async', 'the stream is written late', 'Set its persist_mode to "default".'],
  ]
  const first = wrong.find(([is]) => is)
  if (first !== undefined) throw engineUnfit(printable, first[1], first[2])
}

function isStreamMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === STREAM_NOT_FOUND
}
