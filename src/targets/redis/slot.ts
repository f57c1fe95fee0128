/** CRC-16/XMODEM, as the Redis Cluster specification defines key slots. */
const CRC16 = new Uint16Array(256).map((_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** Hash slot of a key, 0 to 16383: of the part in `{…}` where there is one that is not empty. */
export function slotOf(key: string): number {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key
  let crc = 0
  for (const byte of Buffer.from(hashed)) crc = ((crc << 8) ^ CRC16[((crc >> 8) ^ byte) & 0xff]!) & 0xffff
  return crc & 0x3fff
}
