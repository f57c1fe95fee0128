/** Packets of a MySQL or MariaDB server up to its answer to the login, as far as a client looks at them. */

const PROTOCOL_41 = 0x0200
const CAPABILITIES_LOW = 0xf7ff & ~0x0800
/** Plugin names, and secure passwords. */
const CAPABILITIES_HIGH = 0x0008 | 0x0020

export function framed(sequence: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUIntLE(payload.length, 0, 3)
  head[3] = sequence & 0xff
  return Buffer.concat([head, payload])
}

export function greeting(version: string, plugin: string): Buffer {
  const fixed = Buffer.alloc(4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10)
  fixed.writeUInt32LE(7, 0)
  fixed.fill(0x41, 4, 12)
  fixed.writeUInt16LE(CAPABILITIES_LOW | PROTOCOL_41, 13)
  fixed[15] = 45
  fixed.writeUInt16LE(2, 16)
  fixed.writeUInt16LE(CAPABILITIES_HIGH, 18)
  fixed[20] = 21
  return Buffer.concat([
    Buffer.from([10]),
    Buffer.from(`${version}\0`),
    fixed,
    Buffer.from('BBBBBBBBBBBB\0'),
    Buffer.from(`${plugin}\0`),
  ])
}

export const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0])

export function refusal(code: number, text: string): Buffer {
  const head = Buffer.from([0xff, code & 0xff, code >> 8])
  return Buffer.concat([head, Buffer.from(`#HY000${text}`)])
}

export function switchTo(plugin: string): Buffer {
  return Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${plugin}\0${'C'.repeat(20)}\0`)])
}

/** caching_sha2_password: 3 = the fast way worked, 4 = the password is wanted. */
export function moreData(...bytes: number[]): Buffer {
  return Buffer.from([1, ...bytes])
}
