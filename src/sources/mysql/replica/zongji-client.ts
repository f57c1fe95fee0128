import type { Duplex } from 'node:stream'
// oxlint-disable-next-line no-restricted-imports -- this file is the one importer of zongji
import ZongJi from '@vlasky/zongji'
import type { ConnectionOptions } from 'mysql2'
import type { EventFeed } from '../../../model/source/binlog-stream.ts'
import { BingoError } from '../../../model/errors.ts'
import { MOST_EVENT_BYTES } from '../../../model/event/forms/event-size.ts'
import type { SourceAddress } from '../source-address.ts'
import { connectionConfig, socketOptions, verifyIpIdentity } from '../server/login/connection-config.ts'
import { sessionStatements, type DumpRequest } from './dump-request.ts'
import { ReusingSocket } from './reusing-socket.ts'
import { classifyError } from '../server/login/source-error.ts'
import { endlessEvent, endOfDump, packetsLost } from './stream-failures.ts'
import { Turn } from './turn.ts'
import type { PacketHandler, RawConnection, RawPacket, ZongJiInternals } from './zongji-internals.ts'

export interface ReplicaHooks {
  /** Each FORMAT_DESCRIPTION event, before it is fed: its header timestamp in seconds. May throw to refuse the stream. */
  format(timestamp: number): void
  /** The stream is over; what the feed still waits for should give up now. */
  over(): void
}

const FORMAT_DESCRIPTION_EVENT = 15
/** Of the bytes since the last event some may belong to events before it, and some to the packets' own headers. */
const SLACK_BYTES = 1024 * 1024
const OK = 0x00
const EOF = 0xfe

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
  /** The server sends events. */
  #begun = false
  /** A packet of the stream is missing before the present one. */
  #hole = false
  #pausedByBudget = false
  /** Bytes that came since the last whole packet. */
  #unfinishedBytes = 0
  /** Of zongji's two connections, by their stream; empty with TLS, which does its own buffering. */
  readonly #sockets = new Map<unknown, ReusingSocket>()
  readonly #turn = new Turn()
  /** The feed's promise that must settle before the next event; or the present turn of the event loop, which was long. */
  #pending: Promise<void> | null = null

  private constructor(address: SourceAddress, feed: EventFeed, hooks: ReplicaHooks, connectTimeoutMs: number) {
    this.#address = address
    this.#feed = feed
    this.#hooks = hooks
    this.#zongji = new ZongJi(this.#config(connectTimeoutMs)) as ZongJi & ZongJiInternals
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
    return (this.#pausedByBudget && this.#begun) || this.#pending !== null
  }

  /** Before the stream has begun there is nothing to hold back: a handshake left half-way counts against us on the server. */
  pause(): void {
    this.#pausedByBudget = true
    if (this.#begun) this.#zongji.connection?.pause()
  }

  resume(): void {
    this.#pausedByBudget = false
    this.#resumeIfFree()
  }

  /** Drops the connection; `ended` rejects with `reason`. */
  close(reason: BingoError): void {
    this.#end(reason)
  }

  #config(connectTimeoutMs: number): ConnectionOptions {
    const config = connectionConfig(this.#address, connectTimeoutMs)
    if (this.#address.tls.mode !== 'disable') return config
    const stream = (): Duplex => {
      const reusing = new ReusingSocket(socketOptions(this.#address))
      this.#sockets.set(reusing.socket, reusing)
      return reusing.socket
    }
    return { ...config, stream }
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
    // Packets are numbered. mysql2 only warns of a hole, right before it hands on the packet behind it.
    connection.on('warn', () => (this.#hole = true))
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
    const dumpBegins = (): void => {
      this.#hole = false
      const stream = this.#zongji.connection?.stream
      this.#sockets.get(stream)?.reuse(() => this.standsStill)
      // After mysql2's own listener, which has handed on the packets of the chunk.
      stream?.on('data', (chunk) => {
        this.#boundEvent(chunk.length)
        this.#boundTurn()
      })
    }
    this.#zongji.BinlogClass = class extends Base {
      override start: PacketHandler = (packet, connection) => {
        Base.prototype.start.call(this, packet, connection)
        dumpBegins()
        return handler
      }
    }
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
      this.#unfinishedBytes = 0
      if (buffer[offset] !== OK) return this.#notAnEvent(packet, connection)
      const start = offset + 1
      try {
        if (this.#hole) throw packetsLost()
        const isFormat = buffer[start + 4] === FORMAT_DESCRIPTION_EVENT && end - start >= 19
        if (isFormat) hooks.format(buffer.readUInt32LE(start))
        const pending = feed.feed(buffer, start, end)
        if (pending !== undefined) this.#waitFor(pending, connection)
        if (isFormat && !this.#begun) this.#begin(connection)
      } catch (error) {
        this.#end(classifyError(error, this.#address))
      }
      return handle
    }
    return handle
  }

  /** mysql2 gathers packets of 16 MiB for as long as no shorter one ends the event (invariant 6). */
  #boundEvent(bytes: number): void {
    this.#unfinishedBytes += bytes
    if (this.#unfinishedBytes > MOST_EVENT_BYTES + SLACK_BYTES) this.#end(endlessEvent())
  }

  /** Timers, probes and replies get their turn, however fast the server sends. */
  #boundTurn(): void {
    const { connection } = this.#zongji
    if (!this.#begun || this.#over || this.#pending !== null || connection === null) return
    const over = this.#turn.overrun()
    if (over !== undefined) this.#waitFor(over, connection)
  }

  #begin(connection: RawConnection): void {
    this.#begun = true
    if (this.#pausedByBudget) connection.pause()
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
