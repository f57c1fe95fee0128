import { connect, type Socket, type TcpNetConnectOpts, type IpcNetConnectOpts } from 'node:net'

/** Reads as much per system call as the kernel has; larger than almost every binlog event. */
const CAPACITY_BYTES = 256 * 1024
/** A packet of the client/server protocol: 3 bytes of length, 1 of sequence, then the payload. */
const HEADER_BYTES = 4

/**
 * A plain socket that reads into one buffer over and over, where Node would allocate 64 kB for every read: at full speed
 * that is most of the garbage of a reader that keeps nothing.
 *
 * Until `reuse` is called every chunk is a copy, as listeners of 'data' may expect. From then on a listener gets whole
 * packets only, in a buffer that is overwritten when it returns, unless `retained` says that it still needs them: then
 * until `retained` says otherwise.
 */
export class ReusingSocket {
  readonly socket: Socket
  #buffer: Buffer = Buffer.allocUnsafeSlow(CAPACITY_BYTES)
  /** The other buffer, which took turns with this one; null while a listener still needs its bytes. */
  #spare: Buffer | null = null
  #lent: Buffer | null = null
  /** Bytes of an incomplete packet at the start of the buffer; the next read goes behind them. */
  #held = 0
  /** Bytes of a packet larger than the buffer that are still to come; they are passed on as copies. */
  #passing = 0
  #retained: (() => boolean) | null = null

  constructor(address: TcpNetConnectOpts | IpcNetConnectOpts) {
    this.socket = connect({
      ...address,
      onread: {
        buffer: () => (this.#held === 0 ? this.#buffer : this.#buffer.subarray(this.#held)),
        callback: (bytes) => {
          this.#read(bytes)
          return true
        },
      },
    })
  }

  /** To be called between two packets: the next byte to come begins one. */
  reuse(retained: () => boolean): void {
    this.#retained = retained
  }

  #read(bytes: number): void {
    const end = this.#held + bytes
    if (this.#retained === null) {
      this.#pass(0, end)
      return
    }
    // Packets are worked off in order: when nothing is retained now, nothing of what was lent before is.
    if (this.#lent !== null && !this.#retained()) {
      this.#spare = this.#lent
      this.#lent = null
    }
    let start = 0
    if (this.#passing > 0) {
      start = Math.min(this.#passing, end)
      this.#passing -= start
      this.#pass(0, start)
    }
    const whole = this.#endOfWholePackets(start, end)
    if (whole > start) this.#lend(start, whole, end, this.#retained)
    this.#hold(whole, end)
  }

  /** Where the last packet that is complete in `[start, end)` ends. */
  #endOfWholePackets(start: number, end: number): number {
    let at = start
    while (end - at >= HEADER_BYTES) {
      const next = at + HEADER_BYTES + this.#buffer.readUIntLE(at, 3)
      if (next > end) break
      at = next
    }
    return at
  }

  /** The listener may look at the bytes during the call; if it keeps them, reading goes on in another buffer. */
  #lend(start: number, end: number, readEnd: number, retained: () => boolean): void {
    const lent = this.#buffer
    this.socket.emit('data', lent.subarray(start, end))
    if (!retained()) return
    this.#buffer = this.#spare ?? Buffer.allocUnsafeSlow(CAPACITY_BYTES)
    this.#spare = null
    this.#lent = lent
    lent.copy(this.#buffer, end, end, readEnd)
  }

  /** Keeps the start of an incomplete packet for the next read. */
  #hold(start: number, end: number): void {
    const bytes = end - start
    if (bytes >= HEADER_BYTES) {
      const size = HEADER_BYTES + this.#buffer.readUIntLE(start, 3)
      if (size > CAPACITY_BYTES) {
        this.#pass(start, end)
        this.#passing = size - bytes
        this.#held = 0
        return
      }
    }
    if (start > 0 && bytes > 0) this.#buffer.copyWithin(0, start, end)
    this.#held = bytes
  }

  #pass(start: number, end: number): void {
    if (end > start) this.socket.emit('data', Buffer.from(this.#buffer.subarray(start, end)))
  }
}
