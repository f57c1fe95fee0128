import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  ListOffsetTimestamps,
  Producer,
  stringSerializers,
} from '@platformatic/kafka'
import type { AdminOptions, Connection, ProducerOptions } from '@platformatic/kafka'
import { guardStream } from './guards/guarded-stream.ts'
import { ResponseGuard } from './guards/kafka-responses.ts'

/** How brokers are reached, by whatever kind of client. */
export type KafkaConnection = AdminOptions

export type StringProducer = Producer<string, string, string, string>

/** A producer of texts, each of whose connections is guarded; it connects when it is first used. */
export function openProducer(
  options: Omit<ProducerOptions<string, string, string, string>, 'serializers'>,
): StringProducer {
  const producer = new Producer<string, string, string, string>({ ...options, serializers: stringSerializers })
  guardConnections(producer)
  return producer
}

/** Manages topics; it connects when it is first used. */
export function openAdmin(options: AdminOptions): Admin {
  const admin = new Admin(options)
  guardConnections(admin)
  return admin
}

export type BytesConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>

/** Reads by offset, without a group; it connects when it is first used. */
export function openConsumer(options: KafkaConnection): BytesConsumer {
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({ ...options, groupId: 'bingo' })
  guardConnections(consumer)
  return consumer
}

/** A member of a group; it joins when it is told to. `beforeJoin`: awaited before each request to join. */
export function openGroupMember(options: KafkaConnection & GroupMemberOptions): BytesConsumer {
  const { beforeJoin, ...rest } = options
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
    ...rest,
    // Else a commit that the group refuses would be repeated as a member that joined anew.
    retries: false,
    protocolsMetadata: () => beforeJoin().then(() => Buffer.alloc(0)),
  })
  guardConnections(consumer)
  return consumer
}

export interface GroupMemberOptions {
  readonly groupId: string
  /** A member that comes back under it has its partitions again, without waiting for the session of the one before. */
  readonly groupInstanceId: string
  readonly sessionTimeout: number
  readonly rebalanceTimeout: number
  readonly heartbeatInterval: number
  readonly beforeJoin: () => Promise<void>
}

export const { EARLIEST, LATEST } = ListOffsetTimestamps
export const TOPIC = ConfigResourceTypes.TOPIC

function guardConnections({ connections }: Pick<Admin, 'connections'>): void {
  const guarded = new WeakSet<object>()
  connections.on('connecting', ({ connection }: { readonly connection: Connection }) => {
    // Told just before the socket is made, in the same turn; it has no byte before the next one.
    process.nextTick(() => {
      const { socket } = connection
      // Absent when connecting failed at once; there before when it is asked to connect once more.
      if (!socket || guarded.has(socket)) return
      guarded.add(guardStream(socket, new ResponseGuard('encrypted' in socket)))
    })
  })
}
