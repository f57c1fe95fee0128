const SEED = 0x9747b28c
const M = 0x5bd1e995
const R = 24

/**
 * Of the bytes of a key (org.apache.kafka.common.utils.Utils.murmur2), unsigned: modulo the number of partitions it is the
 * partition of the key, as the client itself chooses it.
 */
export function murmur2(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  let hash = SEED ^ length
  let at = start
  for (; at + 4 <= end; at += 4) {
    let k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    k = Math.imul(k, M)
    k = Math.imul(k ^ (k >>> R), M)
    hash = Math.imul(hash, M) ^ k
  }
  if (at < end) {
    let rest = 0
    for (let i = end - 1; i >= at; i--) rest = (rest << 8) | bytes[i]!
    hash = Math.imul(hash ^ rest, M)
  }
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return (hash ^ (hash >>> 15)) >>> 0
}
