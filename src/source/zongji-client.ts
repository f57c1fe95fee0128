// oxlint-disable-next-line no-restricted-imports -- this file is the one importer of zongji
import ZongJi from '@vlasky/zongji'
import type { EventFeed } from '../core/binlog-stream.ts'
import { BingoError } from '../core/errors.ts'
import type { Flavour } from '../core/table.ts'
import type { SourceAddress } from '../core/source-address.ts'
import { connectionConfig, verifyIpIdentity } from './connection-config.ts'
import { classifyError } from './source-error.ts'

/** From where on the server is asked to send. `gtidSet` comes first; `file` and `offset` count where it is null. */
export interface DumpRequest {
  readonly flavour: Flavour
  readonly file: string
  readonly offset: number
  readonly gtidSet: string | null
  readonly serverId: number
  /** Shown by the server as the replica's UUID; lets it drop a dump thread that an earlier connection left behind. */
  readonly replicaUuid: string
  readonly heartbeatMs: number
  readonly connectTimeoutMs: number
}

export interface ReplicaHooks {
  /** Each FORMAT_DESCRIPTION event, before it is fed: its header timestamp in seconds. May throw to refuse the stream. */
  format(timestamp: number): void
  /** The stream is over; what the feed still waits for should give up now. */
  over(): void
}

/** Seconds that the server lets a paused reader stand still before it drops the connection (RELIABILITY trap 4). */
const NET_TIMEOUT_S = 86_400
const FORMAT_DESCRIPTION_EVENT = 15
const OK = 0x00
const EOF = 0xfe

/** mysql2's packet: one protocol packet in a buffer that is shared with others. */
interface RawPacket {
  readonly buffer: Buffer
  readonly offset: number
  readonly end: number
  asError(encoding: string): Error
}

/** What is used of mysql2's connection beyond its declarations. */
interface RawConnection {
  readonly clientEncoding: string
  readonly stream: { readonly bytesRead: number; destroy(): void }
  pause(): void
  resume(): void
  destroy(): void
  end(): void
  on(event: 'error', listener: () => void): void
  removeAllListeners(event: 'error'): void
  query(sql: string, done: (error: Error | null) => void): void
}

type PacketHandler = (packet: RawPacket, connection: RawConnection) => PacketHandler | null

/** What is used of ZongJi beyond its declarations. `BinlogClass` is the mysql2 command that asks for the dump. */
interface ZongJiInternals {
  readonly connection: RawConnection | null
  readonly ctrlConnection: RawConnection | null
  BinlogClass: new (...args: never[]) => { start: PacketHandler }
}

/**
 * One replica connection from handshake to loss. zongji connects, authenticates and asks for the dump; then its packet
 * handler is replaced by one that hands the bytes of each event to a feed, with no allocation per event.
 */
export class ReplicaConnection {
  readonly #zongji: ZongJi & ZongJiInternals
  readonly #address: SourceAddress
  readonly #feed: EventFeed
  readonly #hooks: ReplicaHooks
  readonly #ended = Promise.withResolvers<never>()
  #over = false
  #pausedByBudget = false
  /** The feed's promise that must settle before the next event. */
  #pending: Promise<void> | null = null

  private constructor(address: SourceAddress, feed: EventFeed, hooks: ReplicaHooks, connectTimeoutMs: number) {
    this.#address = address
    this.#feed = feed
    this.#hooks = hooks
    this.#zongji = new ZongJi(connectionConfig(address, connectTimeoutMs)) as ZongJi & ZongJiInternals
    // `ended` may reject before anybody waits for it.
    this.#ended.promise.catch(() => undefined)
  }

  /** Starts connecting; how it went shows in `ended`. */
  static open(address: SourceAddress, request: DumpRequest, feed: EventFeed, hooks: ReplicaHooks): ReplicaConnection {
    const replica = new ReplicaConnection(address, feed, hooks, request.connectTimeoutMs)
    replica.#start(request)
    return replica
  }

  /** Rejects with a BingoError when the stream is over, for whatever reason; the feed is idle by then. */
  get ended(): Promise<never> {
    return this.#ended.promise
  }

  /** Bytes seen on the socket, for the watchdog: a huge event is progress long before it is whole. */
  get bytesRead(): number {
    return this.#zongji.connection?.stream.bytesRead ?? 0
  }

  /** Reading stands still on our own account, so silence says nothing about the server. */
  get standsStill(): boolean {
    return this.#pausedByBudget || this.#pending !== null
  }

  pause(): void {
    this.#pausedByBudget = true
    this.#zongji.connection?.pause()
  }

  resume(): void {
    this.#pausedByBudget = false
    this.#resumeIfFree()
  }

  /** Drops the connection; `ended` rejects with `reason`. */
  close(reason: BingoError): void {
    this.#end(reason)
  }

  #start(request: DumpRequest): void {
    const zongji = this.#zongji
    zongji.on('error', (error: Error) => {
      this.#end(classifyError(error, this.#address))
    })
    zongji.on('ready', () => {
      this.#replacePacketHandler()
      this.#dismissControl()
    })
    zongji.start({
      serverId: request.serverId,
      requestAnnotateRows: true,
      ...(request.gtidSet === null
        ? { filename: request.file, position: request.offset }
        : { gtidSet: request.gtidSet }),
    })
    // zongji has just made its connections, and queues the dump only after questions of its own.
    const { connection, ctrlConnection } = zongji
    if (connection === null || ctrlConnection === null) return
    verifyIpIdentity(connection, this.#address)
    verifyIpIdentity(ctrlConnection, this.#address)
    for (const statement of sessionStatements(request)) {
      connection.query(statement, (error) => {
        if (error) this.#end(classifyError(error, this.#address))
      })
    }
  }

  #replacePacketHandler(): void {
    const handler = this.#packetHandler()
    const Base = this.#zongji.BinlogClass
    this.#zongji.BinlogClass = class extends Base {
      override start: PacketHandler = (packet, connection) => {
        Base.prototype.start.call(this, packet, connection)
        return handler
      }
    }
    if (this.#pausedByBudget) this.#zongji.connection?.pause()
  }

  /**
   * zongji's second connection has done its work. Left idle, the server would close it after wait_timeout, and zongji
   * would report that as a failure of the stream.
   */
  #dismissControl(): void {
    const control = this.#zongji.ctrlConnection
    control?.removeAllListeners('error')
    control?.on('error', () => undefined)
    control?.end()
  }

  /** The function that mysql2 calls for each packet; it answers the function for the next one. */
  #packetHandler(): PacketHandler {
    const feed = this.#feed
    const hooks = this.#hooks
    const handle: PacketHandler = (packet, connection) => {
      if (this.#over) return handle
      const { buffer, offset, end } = packet
      if (buffer[offset] !== OK) return this.#notAnEvent(packet, connection)
      const start = offset + 1
      try {
        if (buffer[start + 4] === FORMAT_DESCRIPTION_EVENT && end - start >= 19)
          hooks.format(buffer.readUInt32LE(start))
        const pending = feed.feed(buffer, start, end)
        if (pending !== undefined) this.#waitFor(pending, connection)
      } catch (error) {
        this.#end(classifyError(error, this.#address))
      }
      return handle
    }
    return handle
  }

  #waitFor(pending: Promise<void>, connection: RawConnection): void {
    connection.pause()
    this.#pending = pending
    pending.then(
      () => {
        this.#pending = null
        this.#resumeIfFree()
      },
      (error: unknown) => {
        this.#pending = null
        this.#end(classifyError(error, this.#address))
      },
    )
  }

  #resumeIfFree(): void {
    if (!this.#pausedByBudget && this.#pending === null && !this.#over) this.#zongji.connection?.resume()
  }

  #notAnEvent(packet: RawPacket, connection: RawConnection): null {
    const isEof = packet.buffer[packet.offset] === EOF && packet.end - packet.offset < 9
    const error = isEof ? endOfDump() : packet.asError(connection.clientEncoding)
    this.#end(classifyError(error, this.#address))
    return null
  }

  #end(error: BingoError): void {
    if (this.#over) return
    this.#over = true
    const connection = this.#zongji.connection
    // At once, and without a farewell: the peer may be gone without having said so.
    connection?.destroy()
    this.#zongji.stop()
    this.#hooks.over()
    const settled = this.#pending === null ? Promise.resolve() : this.#pending.catch(() => undefined)
    void settled.then(() => {
      this.#ended.reject(error)
    })
  }
}

/**
 * Said before the dump is asked for. Both spellings of each name: MySQL 8.4 prefers `source_`, older servers and
 * MariaDB know `master_` only; setting a user variable that nobody reads is harmless.
 */
function sessionStatements(request: DumpRequest): string[] {
  const heartbeatNs = BigInt(Math.round(request.heartbeatMs)) * 1_000_000n
  const statements = [
    `SET SESSION net_write_timeout = ${NET_TIMEOUT_S}, SESSION net_read_timeout = ${NET_TIMEOUT_S}`,
    `SET @master_heartbeat_period = ${heartbeatNs}, @source_heartbeat_period = ${heartbeatNs}`,
    'SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum',
  ]
  if (request.flavour === 'mysql') {
    statements.push(`SET @slave_uuid = '${request.replicaUuid}', @replica_uuid = '${request.replicaUuid}'`)
  }
  return statements
}

function endOfDump(): BingoError {
  return new BingoError('BINGO_SOURCE_CONNECTION_LOST', 'The server ended the stream', { retryable: true })
}
