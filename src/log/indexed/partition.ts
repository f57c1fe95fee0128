/** The share of a log that a key belongs to, in [0, partitions): FNV-1a over UTF-16 code units, stable over versions. */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  // The low bits of FNV alone are those of the last characters.
  return ((hash ^ (hash >>> 16)) >>> 0) % partitions
}
