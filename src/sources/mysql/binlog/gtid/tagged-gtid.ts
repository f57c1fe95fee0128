import { corrupt } from '../format/corrupt-event.ts'
import { uuidFromHex } from './uuid-text.ts'

/**
 * Fields of a GTID_TAGGED event, written with mysql::serialization (libs/mysql/serialization/readme.md, format 1):
 * version | size of the message | last field that must be understood | then, for each field, its id and its value.
 * Integers have 1 to 9 bytes: the ones that end the first byte count the bytes that follow; signed ones carry the sign
 * in the lowest bit of the value.
 */
export class TaggedGtidFields {
  uuid = ''
  number: number | bigint = 0
  tag = ''
  immediateCommitUs = 0
  readonly #buffer: Buffer
  readonly #end: number
  #at: number

  constructor(buffer: Buffer, start: number, end: number) {
    this.#buffer = buffer
    this.#at = start
    this.#end = end
    const version = this.#unsigned()
    const size = Number(this.#unsigned())
    if (version !== 1n) throw corrupt(`serialization version ${version}`)
    if (!(size > 0 && start + size <= end)) throw corrupt(`a message of ${size} bytes`)
    this.#end = start + size
    this.#unsigned()
    while (this.#at < this.#end && this.#field(Number(this.#unsigned()))) {
      // Fields follow each other up to the first one that is not needed.
    }
    if (this.uuid === '' || this.number < 1) throw corrupt('no GTID')
  }

  /** Reads one field; false when it and all behind it are of no interest. Ids: Gtid_event::define_fields. */
  #field(id: number): boolean {
    switch (id) {
      case 0: // flags
        this.#unsigned()
        return true
      case 1:
        this.uuid = this.#uuid()
        return true
      case 2: {
        const number = this.#signed()
        this.number = number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : number
        return true
      }
      case 3:
        this.tag = this.#text()
        return true
      case 4: // last committed
      case 5: // sequence number
        this.#signed()
        return true
      case 6:
        this.immediateCommitUs = Number(this.#unsigned())
        return true
      default:
        return false
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw corrupt('a field that goes over the end')
    return this.#buffer[this.#at++]!
  }

  #unsigned(): bigint {
    const first = this.#byte()
    let following = 0
    while (following < 8 && (first & (1 << following)) !== 0) following++
    let value = 0n
    for (let i = 0; i < following; i++) value |= BigInt(this.#byte()) << BigInt(8 * i)
    return following === 8 ? value : (value << BigInt(7 - following)) | BigInt(first >> (following + 1))
  }

  #signed(): bigint {
    const value = this.#unsigned()
    const magnitude = value >> 1n
    return (value & 1n) === 0n ? magnitude : -magnitude - 1n
  }

  #uuid(): string {
    let hex = ''
    for (let i = 0; i < 16; i++) hex += Number(this.#unsigned()).toString(16).padStart(2, '0')
    if (hex.length !== 32) throw corrupt('a UUID with elements beyond a byte')
    return uuidFromHex(hex)
  }

  #text(): string {
    const length = Number(this.#unsigned())
    if (length > 32 || this.#at + length > this.#end) throw corrupt(`a tag of ${length} bytes`)
    this.#at += length
    return this.#buffer.toString('latin1', this.#at - length, this.#at)
  }
}
