const CRLF = '\r\n'
/** `$LENGTH\r\n` of the lengths that keys have; longer ones are put together when they come. */
const HEADS = Array.from({ length: 512 }, (_, length) => `$${length}${CRLF}`)

/**
 * One multi-key command in RESP (redis.io/docs, "protocol spec"), encoded in one piece: this and not ioredis's own
 * encoder, because the time per key is what limits a bulk invalidation (test/bench/redis-unlink.ts).
 */
export function encodeMultiKey(verb: string, keys: ReadonlySet<string>): Buffer {
  const start = `*${keys.size + 1}${CRLF}$${verb.length}${CRLF}${verb}${CRLF}`
  let text = start
  for (const key of keys) text += (HEADS[key.length] ?? `$${key.length}${CRLF}`) + key + CRLF
  // Lengths above are in characters, which is right as long as all of it is ASCII: the usual case, checked in one go.
  if (Buffer.byteLength(text) === text.length) return Buffer.from(text, 'latin1')
  text = start
  for (const key of keys) text += `$${Buffer.byteLength(key)}${CRLF}${key}${CRLF}`
  return Buffer.from(text)
}

/** Any commands in RESP, in one piece; names and arguments as they come. */
export function encodeCommands(commands: readonly (readonly string[])[]): Buffer {
  let text = ''
  for (const command of commands) {
    text += `*${command.length}${CRLF}`
    for (const part of command) text += (HEADS[part.length] ?? `$${part.length}${CRLF}`) + part + CRLF
  }
  if (Buffer.byteLength(text) === text.length) return Buffer.from(text, 'latin1')
  text = ''
  for (const command of commands) {
    text += `*${command.length}${CRLF}`
    for (const part of command) text += `$${Buffer.byteLength(part)}${CRLF}${part}${CRLF}`
  }
  return Buffer.from(text)
}
