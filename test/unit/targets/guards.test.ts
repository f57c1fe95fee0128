import { describe, expect, test } from 'vitest'
import { ResponseGuard } from '../../../src/clients/guards/kafka-responses.ts'
import { MessageGuard } from '../../../src/clients/nats/messages.ts'
import { FrameGuard } from '../../../src/clients/guards/amqp-frames.ts'
import type { StreamGuard } from '../../../src/clients/guards/guarded-stream.ts'

const MIB = 1024 * 1024

/** Hands the bytes over in pieces of `size`; what was refused, or null. */
function refusal(guard: StreamGuard, bytes: Buffer, size = bytes.length): string | null {
  for (let at = 0; at < bytes.length; at += size) {
    const wrong = guard.refusal(bytes.subarray(at, at + size))
    if (wrong !== null) return wrong
  }
  return null
}

function response(length: number, bytes = length): Buffer {
  const head = Buffer.alloc(4)
  head.writeInt32BE(length)
  return Buffer.concat([head, Buffer.alloc(bytes, 7)])
}

function frame(type: number, size: number, bytes = size): Buffer {
  const head = Buffer.from([type, 0, 1, 0, 0, 0, 0])
  head.writeUInt32BE(size, 3)
  return Buffer.concat([head, Buffer.alloc(bytes, 7), Buffer.from([0xce])])
}

describe('Kafka responses', () => {
  test.each([1, 3, 5, 1_000])('pass, in pieces of %i bytes', (size) => {
    expect(refusal(new ResponseGuard(true), Buffer.concat([response(4), response(300), response(9)]), size)).toBeNull()
  })

  test('are refused by their length', () => {
    expect(refusal(new ResponseGuard(true), response(0x7fff_ffff, 9), 1)).toBe('a response of 2147483647 bytes')
    expect(refusal(new ResponseGuard(true), Buffer.concat([response(4), response(3)]))).toBe('a response of 3 bytes')
    expect(refusal(new ResponseGuard(true), response(-1, 9))).toBe('a response of -1 bytes')
  })

  test('may begin with a TLS record without TLS, and only begin', () => {
    const alert = Buffer.from([0x15, 3, 3, 0, 2, 2, 40])
    expect(refusal(new ResponseGuard(false), alert)).toBeNull()
    expect(refusal(new ResponseGuard(true), alert)).toBe('a response of 352518912 bytes')
    const guard = new ResponseGuard(false)
    expect(guard.refusal(response(4))).toBeNull()
    expect(guard.refusal(alert)).toBe('a response of 352518912 bytes')
  })
})

describe('AMQP frames', () => {
  test.each([1, 7, 8, 1_000])('pass, in pieces of %i bytes', (size) => {
    const frames = [frame(1, 12), frame(8, 0), frame(2, 20), frame(3, 4_000), frame(3, 0)]
    expect(refusal(new FrameGuard(), Buffer.concat(frames), size)).toBeNull()
  })

  test('are refused by their size', () => {
    const bytes = Buffer.concat([frame(1, 12), frame(1, 0xffff_ffff, 9)])
    expect(refusal(new FrameGuard(), bytes, 1)).toBe('a frame of 4294967295 bytes')
  })

  test('of a message without end are refused; those of many messages are not', () => {
    const guard = new FrameGuard()
    const body = frame(3, MIB)
    for (let i = 0; i < 600; i++) expect(guard.refusal(i % 500 === 0 ? frame(1, 4) : body)).toBeNull()
    const refusals = Array.from({ length: 512 }, () => guard.refusal(body)).filter((wrong) => wrong !== null)
    expect(refusals[0]).toBe('a message of more than 536870912 bytes')
  })
})

describe('NATS messages', () => {
  const good =
    'PING\r\n+OK\r\nMSG a.b 1 5\r\n\n\n\n\n\n\r\nHMSG a 2 reply 12 14\r\nNATS/1.0\r\n\r\nhi\r\nmsg a 1 0\r\n\r\nPONG\r\n'

  test.each([1, 2, 5, 1_000])('pass, in pieces of %i bytes', (size) => {
    expect(refusal(new MessageGuard(), Buffer.from(good.repeat(2)), size)).toBeNull()
  })

  test.each<[string, string, string]>([
    ['their size', 'MSG a 1 99999999999\r\n', 'a message of 99999999999 bytes'],
    ['a size that is none', 'MSG a 1 x\r\n', 'a message of NaN bytes'],
    ['a line without end', `-ERR ${'x'.repeat(MIB)}`, 'a line of more than 1048576 bytes'],
  ])('are refused by %s', (_, text, why) => {
    for (const size of [1, 4_096]) expect(refusal(new MessageGuard(), Buffer.from(good + text), size)).toBe(why)
  })
})
