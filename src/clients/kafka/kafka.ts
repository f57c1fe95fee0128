import { promisify } from 'node:util'
import { gzip, zstdCompress } from 'node:zlib'
import * as kafka from '@platformatic/kafka'
import type { AdminOptions, API, Connection, Reader } from '@platformatic/kafka'
import { guardStream } from '../guards/guarded-stream.ts'
import { ResponseGuard } from '../guards/kafka-responses.ts'
import type { Compression } from './record-batch.ts'

const { Admin, ConfigResourceTypes, Consumer, ListOffsetTimestamps } = kafka

/** How brokers are reached, by whatever kind of client. */
export type KafkaConnection = AdminOptions

/** Manages topics; it connects when it is first used. */
export function openAdmin(options: AdminOptions): kafka.Admin {
  const admin = new Admin(options)
  guardConnections(admin)
  return admin
}

export type BytesConsumer = kafka.Consumer<Buffer, Buffer, Buffer, Buffer>

/** Reads by offset, without a group; it connects when it is first used. */
export function openConsumer(options: KafkaConnection): BytesConsumer {
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({ ...options, groupId: 'bingo' })
  guardConnections(consumer)
  return consumer
}

/** A member of a group; it joins when it is asked to. `beforeJoin`: awaited before each request to join. */
export function openGroupMember(options: KafkaConnection & GroupMemberOptions): BytesConsumer {
  const { beforeJoin, ...rest } = options
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
    ...rest,
    // Else a commit that the group refuses would be repeated as a member that has joined again.
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
export const UNCOMMITTED = kafka.FetchIsolationLevels.READ_UNCOMMITTED
export const TOPIC = ConfigResourceTypes.TOPIC

function guardConnections({ connections }: Pick<kafka.Admin, 'connections'>): void {
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

/** Finds brokers, keeps connections and what is known of topics; what it sends is made by others. */
export type KafkaClient = kafka.Admin

/** An answer in which something failed holds the whole of it. */
export const { ResponseError } = kafka

/** The client copies an array before it looks at it, and does not copy what it has wrapped itself. */
export function crc32c(bytes: Buffer): number {
  return kafka.crc32c(kafka.Writer.create().append(bytes).dynamicBuffer)
}

/** Off this thread where Node.js can do that. */
export function compress(name: Compression, bytes: Buffer): Uint8Array | Promise<Uint8Array> {
  if (name === 'gzip') return promisify(gzip)(bytes)
  if (name === 'zstd') return promisify(zstdCompress)(bytes)
  return kafka.compressionsAlgorithms[name].compressSync(bytes)
}

/** What the broker calls an error, and whether the same may succeed later. */
export function protocolError(code: number): {
  readonly id: string
  readonly canRetry: boolean
  readonly message: string
} {
  const id = kafka.protocolErrorsCodesById[code] ?? 'UNKNOWN_SERVER_ERROR'
  return kafka.protocolErrors[id]!
}

type Parse<T> = (correlationId: number, apiKey: number, apiVersion: number, reader: Reader) => T

/** One API of the protocol, in the newest version that brokers and client know. */
export interface KafkaApi<T> extends API<unknown[], T> {
  readonly parse: Parse<T>
}

/** Throws where they have none in common. */
export function newestApi<T>(
  name: string,
  versions: { readonly minVersion: number; readonly maxVersion: number },
): KafkaApi<T> {
  for (let version = versions.maxVersion; version >= versions.minVersion; version--) {
    const found = (
      kafka as unknown as { readonly [name: string]: { api: API<unknown[], T>; parseResponse: Parse<T> } }
    )[`${name[0]!.toLowerCase()}${name.slice(1)}V${version}`]
    if (found !== undefined) return Object.assign(found.api, { parse: found.parseResponse })
  }
  throw new kafka.UnsupportedApiError(`The brokers support no version of ${name} that is known here.`)
}

/**
 * Sends pieces as the body of a request, and reads the answer. They are copied at the latest when the promise is given.
 * Rejects with ResponseError where the answer holds an error.
 */
export function request<T>(
  connection: Connection,
  api: KafkaApi<T>,
  body: readonly Buffer[],
  flexible: boolean,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const payload = (): kafka.Writer => {
      const writer = kafka.Writer.create()
      // The client's buffers must not be empty ones.
      for (const piece of body) if (piece.length > 0) writer.append(piece)
      return writer
    }
    connection.send<T>(api.key, api.version, payload, api.parse, flexible, flexible, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    )
  })
}
