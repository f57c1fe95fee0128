/** MariaDB UUID, 16 bytes in the order in which it is printed. */
export function uuidText(value: Buffer): string {
  const hex = value.toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** MariaDB INET4. */
export function inet4Text(value: Buffer): string {
  return `${value[0]}.${value[1]}.${value[2]}.${value[3]}`
}

/**
 * MariaDB INET6 as the server prints it (sql/sql_type_fixedbin.h, Inet6::to_string): the longest run of zero groups
 * is left out, even if it is one, and addresses that carry an IPv4 one end with it.
 */
export function inet6Text(value: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => value.readUInt16BE(2 * i))
  const gap = longestZeroRun(groups)
  let text = ''
  for (let i = 0; i < 8; i++) {
    if (i === gap.start) text += i === 0 ? '::' : ':'
    if (i >= gap.start && i < gap.start + gap.length) continue
    if (i === 6 && carriesInet4(groups, gap)) return text + inet4Text(value.subarray(12))
    text += groups[i]!.toString(16) + (i < 7 ? ':' : '')
  }
  return text
}

interface Gap {
  readonly start: number
  readonly length: number
}

function longestZeroRun(groups: readonly number[]): Gap {
  let best: Gap = { start: -1, length: 0 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}

/** `::1.2.3.4` and `::ffff:1.2.3.4`. */
function carriesInet4(groups: readonly number[], gap: Gap): boolean {
  return gap.start === 0 && (gap.length === 6 || (gap.length === 5 && groups[5] === 0xffff))
}
