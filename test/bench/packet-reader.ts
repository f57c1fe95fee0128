import ZongJi from '@vlasky/zongji'

export interface Span {
  readonly url: string
  readonly file: string
  readonly offset: number
  /** Reading ends with the event that ends here. */
  readonly endFile: string
  readonly endOffset: number
}

export interface ReadResult {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakRssMb: number
  readonly rows: number
  readonly bytes: number
}

/** What of mysql2's packets the reader touches. */
interface Packet {
  readonly buffer: Buffer
  readonly offset: number
  readonly end: number
}

let readers = 0

/** Two replicas with one id would throw each other out. */
function nextServerId(): number {
  readers += 1
  return 4_000_000 + (process.pid % 100_000) * 10 + (readers % 10)
}

/** Hands every binlog event of the span to `onEvent` as raw bytes. The fastest reading that this client allows. */
export async function readPackets(
  span: Span,
  onEvent: (buffer: Buffer, start: number, end: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const zongji = new ZongJi(connectionOptions(span.url)) as unknown as RawZongji
  await new Promise<void>((resolve, reject) => {
    let file = span.file
    signal?.addEventListener('abort', () => resolve(), { once: true })
    zongji.on('error', (error) => reject(error))
    zongji.on('ready', () => {
      const Base = zongji.BinlogClass
      zongji.BinlogClass = class extends Base {
        override start(packet: Packet, connection: unknown) {
          super.start(packet, connection)
          return this.raw
        }
        raw(packet: Packet) {
          const { buffer } = packet
          const start = packet.offset + 1
          if (buffer[packet.offset] !== 0) {
            reject(new Error(buffer.toString('latin1', packet.offset, packet.end)))
            return null
          }
          onEvent(buffer, start, packet.end)
          if (buffer[start + 4] === ROTATE) file = rotatedTo(buffer, start, packet.end)
          else if (buffer.readUInt32LE(start + 13) >= span.endOffset && file === span.endFile) {
            resolve()
            return null
          }
          return this.raw
        }
      }
    })
    zongji.start({ serverId: nextServerId(), filename: span.file, position: span.offset })
  })
  zongji.stop()
}

/** zongji as it comes: every row an object. Counts rows. */
export async function readObjects(span: Span): Promise<number> {
  const zongji = new ZongJi(connectionOptions(span.url)) as unknown as RawZongji
  let rows = 0
  await new Promise<void>((resolve, reject) => {
    zongji.on('error', (error) => reject(error))
    zongji.on('binlog', (event) => {
      rows += event.rows?.length ?? 0
      if (event.getTypeName() === 'Xid' && event.nextPosition >= span.endOffset) resolve()
    })
    zongji.start({ serverId: nextServerId(), filename: span.file, position: span.offset })
  })
  zongji.stop()
  return rows
}

const ROTATE = 4

/** File name of a ROTATE event: 19 bytes of header, 8 of position, then the name, perhaps a checksum of 4. */
function rotatedTo(buffer: Buffer, start: number, end: number): string {
  return /^[^\0]*\.\d+/.exec(buffer.toString('latin1', start + 27, end))?.[0] ?? ''
}

export function connectionOptions(url: string) {
  const { hostname, port, username, password } = new URL(url)
  return {
    host: hostname,
    port: Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
}

interface RawCommand {
  start(packet: Packet, connection: unknown): unknown
}

interface RawZongji {
  BinlogClass: new (...args: unknown[]) => RawCommand
  on(event: 'error', listener: (error: Error) => void): void
  on(event: 'ready', listener: () => void): void
  on(
    event: 'binlog',
    listener: (event: { rows?: unknown[]; getTypeName(): string; nextPosition: number }) => void,
  ): void
  start(options: object): void
  stop(): void
}
