/** What is left of the buffers behind their first bytes, such as those that a call of the system took. */
export function behindBytes(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let left = bytes
  for (const [i, buffer] of buffers.entries()) {
    if (left < buffer.length) return [buffer.subarray(left), ...buffers.slice(i + 1)]
    left -= buffer.length
  }
  return []
}
