import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import type { AuthPlugin } from 'mysql2'

/** Order of the group that Ed25519 signs in (RFC 8032, section 5.1). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/** MariaDB's `ed25519` accounts: the client signs the server's scramble, so that the password never leaves this process. */
export const ed25519Plugin: AuthPlugin = ({ connection }) => {
  const { config } = connection as unknown as { readonly config: { readonly password?: string } }
  return (scramble) => signScramble(config.password ?? '', scramble.subarray(0, 32))
}

/**
 * An Ed25519 signature as RFC 8032 has it, but with the password itself in place of the seed (plugin/auth_ed25519 in
 * MariaDB). Node takes seeds of 32 bytes only, so the curve is a library's. Answers 64 bytes.
 */
export function signScramble(password: string, scramble: Buffer): Buffer {
  const { scalar, prefix, publicKey } = expand(password)
  const nonce = number(sha512(prefix, scramble)) % ORDER
  const point = multiply(nonce)
  const challenge = number(sha512(point, publicKey, scramble)) % ORDER
  return Buffer.concat([point, bytes((nonce + challenge * scalar) % ORDER)])
}

/** What the server stores of a password, before base64. */
export function ed25519PublicKey(password: string): Buffer {
  return expand(password).publicKey
}

function expand(password: string): { scalar: bigint; prefix: Buffer; publicKey: Buffer } {
  const hash = sha512(Buffer.from(password, 'utf8'))
  hash[0]! &= 248
  hash[31] = (hash[31]! & 63) | 64
  const scalar = number(hash.subarray(0, 32))
  return { scalar, prefix: hash.subarray(32), publicKey: multiply(scalar % ORDER) }
}

/** Loaded when the first account asks for it: most servers have none. */
function multiply(scalar: bigint): Buffer {
  const { Point } = createRequire(import.meta.url)('@noble/ed25519') as typeof import('@noble/ed25519')
  return Buffer.from(Point.BASE.multiply(scalar).toBytes())
}

function sha512(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha512')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function number(littleEndian: Buffer): bigint {
  return BigInt(`0x${Buffer.from(littleEndian).reverse().toString('hex')}`)
}

function bytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
}
