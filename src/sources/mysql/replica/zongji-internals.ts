/** mysql2's packet: one protocol packet in a buffer that is shared with others. */
export interface RawPacket {
  readonly buffer: Buffer
  readonly offset: number
  readonly end: number
  asError(encoding: string): Error
}

/** What is used of mysql2's connection beyond its declarations. */
export interface RawConnection {
  readonly clientEncoding: string
  readonly stream: {
    readonly bytesRead: number
    destroy(): void
    on(event: 'data', listener: (chunk: Buffer) => void): void
  }
  pause(): void
  resume(): void
  destroy(): void
  end(): void
  /** `warn`: the packet that is handed on next does not have the number that is due. */
  on(event: 'error' | 'warn', listener: () => void): void
  removeAllListeners(event: 'error'): void
  query(sql: string, done: (error: Error | null) => void): void
}

export type PacketHandler = (packet: RawPacket, connection: RawConnection) => PacketHandler | null

/** What is used of ZongJi beyond its declarations. `BinlogClass` is the mysql2 command that asks for the dump. */
export interface ZongJiInternals {
  readonly connection: RawConnection | null
  readonly ctrlConnection: RawConnection | null
  BinlogClass: new (...args: never[]) => { start: PacketHandler }
}
