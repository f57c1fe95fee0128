import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { ReusingSocket } from '../../../../../src/sources/mysql/replica/reusing-socket.ts'
import { randomFrom } from '../../../../fault/random.ts'

/** A socket under test and the server's end of it. */
async function pair(): Promise<{ reusing: ReusingSocket; peer: Socket }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const reusing = new ReusingSocket({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  const [peer] = (await accepted) as [Socket]
  onTestFinished(() => {
    reusing.socket.destroy()
    peer.destroy()
    server.close()
  })
  return { reusing, peer }
}

function packet(number: number, size: number): Buffer {
  const bytes = Buffer.alloc(4 + size, number)
  bytes.writeUIntLE(size, 0, 3)
  return bytes
}

/** What a parser of packets makes of chunks, with every chunk looked at only when it comes. */
class Collector {
  bytes: Buffer[] = []
  size = 0

  take(chunk: Buffer): void {
    this.bytes.push(Buffer.from(chunk))
    this.size += chunk.length
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 2_000_000) throw new Error('nothing more arrived')
    await turn()
  }
}

test.each([1, 2, 3, 4])('packets of any size in writes of any size arrive byte for byte (seed %i)', async (seed) => {
  const random = randomFrom(seed)
  const { reusing, peer } = await pair()
  const collector = new Collector()
  let kept: { chunk: Buffer; copy: Buffer }[] = []
  let timesKept = 0
  let overwritten = 0
  reusing.socket.on('data', (chunk: Buffer) => {
    overwritten += kept.filter(({ chunk: bytes, copy }) => !bytes.equals(copy)).length
    collector.take(chunk)
    if (random() < 0.3) kept.push({ chunk, copy: Buffer.from(chunk) })
    else kept = []
    timesKept += kept.length > 1 ? 1 : 0
  })
  reusing.reuse(() => kept.length > 0)
  const packets = Array.from({ length: 400 }, (_, i) =>
    packet(i % 251, Math.floor(random() < 0.03 ? random() * 1_500_000 : random() * 9_000)),
  )
  const sent = Buffer.concat(packets)
  for (let at = 0; at < sent.length;) {
    const size = Math.ceil(random() * (random() < 0.5 ? 50 : 200_000))
    peer.write(sent.subarray(at, at + size))
    at += size
    if (random() < 0.2) await turn()
  }
  await until(() => collector.size === sent.length)
  expect(Buffer.concat(collector.bytes).equals(sent)).toBe(true)
  expect(overwritten).toBe(0)
  expect(timesKept).toBeGreaterThan(0)
})

test('what was read before the packets begin stays as it was', async () => {
  const { reusing, peer } = await pair()
  const greeting: Buffer[] = []
  reusing.socket.on('data', (chunk: Buffer) => greeting.push(chunk))
  peer.write('hello')
  await until(() => greeting.length === 1)
  reusing.reuse(() => false)
  peer.write(packet(7, 5))
  await until(() => greeting.length === 2)
  expect(greeting[0]!.toString()).toBe('hello')
})

test('a listener receives whole packets only, as long as they fit the buffer', async () => {
  const { reusing, peer } = await pair()
  const sizes: number[] = []
  reusing.socket.on('data', (chunk: Buffer) => sizes.push(chunk.length))
  reusing.reuse(() => false)
  const bytes = packet(1, 1000)
  peer.write(bytes.subarray(0, 2))
  await turn()
  peer.write(bytes.subarray(2, 500))
  await turn()
  peer.write(Buffer.concat([bytes.subarray(500), packet(2, 10)]))
  await until(() => sizes.reduce((sum, size) => sum + size, 0) === 1018)
  expect(sizes.every((size) => size === 1004 || size === 14 || size === 1018)).toBe(true)
})

test('pausing stops the reading, and what came in between is there afterwards', async () => {
  const { reusing, peer } = await pair()
  let bytes = 0
  reusing.socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes === 14) reusing.socket.pause()
  })
  reusing.reuse(() => false)
  peer.write(packet(1, 10))
  await until(() => bytes === 14)
  peer.write(packet(2, 10))
  for (let i = 0; i < 50; i++) await turn()
  expect(bytes).toBe(14)
  reusing.socket.resume()
  await until(() => bytes === 28)
})

test('the end of the stream is reported', async () => {
  const { reusing, peer } = await pair()
  let bytes = 0
  reusing.socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
  const ended = once(reusing.socket, 'end')
  peer.end(packet(1, 3))
  await ended
  expect(bytes).toBe(7)
})
