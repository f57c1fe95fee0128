import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { drip, pour, RawServer } from '../support/raw-answers.ts'
import type { RawAnswer } from '../support/raw-answers.ts'
import { summary, WebhookSender } from '../support/webhook-target.ts'

/** For answers that come; machines are slow at times. */
const PATIENT_MS = 20_000
/** For those that do not. */
const SHORT_MS = 700
const OK = 'HTTP/1.1 200 OK\r\n'
const UNREACHABLE = 'down BINGO_WEBHOOK_UNREACHABLE'
const TIMED_OUT = 'down BINGO_WEBHOOK_TIMEOUT'
const line = (status: string, more = ''): RawAnswer => {
  return (socket) => void socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n${more}\r\n`)
}

let server: RawServer

beforeEach(async () => {
  server = await RawServer.start()
})
afterEach(() => server[Symbol.asyncDispose]())

/** What becomes of one event; and the next one, answered properly, has to go through. */
async function outcome(answer: RawAnswer, timeoutMs = PATIENT_MS): Promise<string | null> {
  await using sender = await WebhookSender.open({ url: server.url }, { timeoutMs })
  server.answer = answer
  const seen = summary(await sender.send(1))?.[0] ?? null
  server.answer = line('204 No Content')
  await eventually('the next one is taken', async () => (await sender.failure(2)) === null)
  return seen
}

describe('an answer counts by its status', () => {
  test.each([
    ['200 OK', null],
    ['201 Created', null],
    ['202 Accepted', null],
    ['299 Whatever', null],
    ['301 Moved', 'unknown BINGO_WEBHOOK_STATUS'],
    ['304 Not Modified', 'unknown BINGO_WEBHOOK_STATUS'],
    ['400 Bad Request', 'poison BINGO_WEBHOOK_STATUS'],
    ['401 Unauthorized', 'down BINGO_WEBHOOK_STATUS'],
    ['402 Payment Required', 'down BINGO_WEBHOOK_STATUS'],
    ['403 Forbidden', 'down BINGO_WEBHOOK_STATUS'],
    ['405 Method Not Allowed', 'poison BINGO_WEBHOOK_STATUS'],
    ['407 Proxy Authentication Required', 'down BINGO_WEBHOOK_STATUS'],
    ['431 Header Fields Too Large', 'poison BINGO_WEBHOOK_STATUS'],
    ['404 Not Found', 'poison BINGO_WEBHOOK_STATUS'],
    ['408 Request Timeout', 'unknown BINGO_WEBHOOK_STATUS'],
    ['409 Conflict', 'poison BINGO_WEBHOOK_STATUS'],
    ['410 Gone', 'poison BINGO_WEBHOOK_STATUS'],
    ['413 Content Too Large', 'poison BINGO_WEBHOOK_STATUS'],
    ['422 Unprocessable', 'poison BINGO_WEBHOOK_STATUS'],
    ['425 Too Early', 'unknown BINGO_WEBHOOK_STATUS'],
    ['429 Too Many Requests', 'down BINGO_WEBHOOK_STATUS'],
    ['500 Internal', 'down BINGO_WEBHOOK_STATUS'],
    ['501 Not Implemented', 'poison BINGO_WEBHOOK_STATUS'],
    ['503 Unavailable', 'down BINGO_WEBHOOK_STATUS'],
    ['599 Odd', 'down BINGO_WEBHOOK_STATUS'],
    ['600 Odder', 'unknown BINGO_WEBHOOK_STATUS'],
  ])('%s', async (status, expected) => {
    expect(await outcome(line(status))).toBe(expected)
  })

  test.each([
    [{ unauthorized: 'refuse' }, '401 Unauthorized', 'poison BINGO_WEBHOOK_STATUS'],
    [{ unauthorized: 'refuse' }, '403 Forbidden', 'poison BINGO_WEBHOOK_STATUS'],
    [{ unauthorized: 'refuse' }, '407 Proxy Authentication Required', 'poison BINGO_WEBHOOK_STATUS'],
    [{ notFound: 'wait' }, '404 Not Found', 'down BINGO_WEBHOOK_STATUS'],
    [{ notFound: 'wait' }, '410 Gone', 'poison BINGO_WEBHOOK_STATUS'],
  ])('with %j, %s is %s', async (fields, status, expected) => {
    await using sender = await WebhookSender.open({ url: server.url, ...fields }, { timeoutMs: PATIENT_MS })
    server.answer = line(status)
    const failure = await sender.failure(1)
    expect(summary([failure])).toEqual([expected])
  })

  test('a 401 says what to do, and how to have the events refused', async () => {
    await using sender = await WebhookSender.open({ url: server.url }, { timeoutMs: PATIENT_MS })
    server.answer = line('401 Unauthorized')
    const failure = await sender.failure(1)
    expect(failure?.error.hint).toMatch(/credentials.*unauthorized: refuse/)
  })

  test('a 2xx counts from its head, whatever becomes of its body', async () => {
    const chunked = `${OK}transfer-encoding: chunked\r\n\r\n`
    const bodies: RawAnswer[] = [
      (socket) => void socket.end(`${OK}content-length: 100\r\n\r\nhalf`),
      (socket) => void socket.write(`${OK}content-length: 100\r\n\r\nhalf`, () => socket.resetAndDestroy()),
      (socket) => void socket.write(`${OK}content-length: 100\r\n\r\nhalf`),
      (socket) => void socket.end(`${chunked}zzz\r\nnot a length`),
      (socket) => void socket.end(`${chunked}5\r\nhello`),
      (socket) => void socket.end(`${OK}\r\nuntil the connection closes`),
      (socket) => void socket.end(`${OK}content-encoding: gzip\r\ncontent-length: 3\r\n\r\nno!`),
      (socket) => drip(socket, `${OK}content-length: 1000\r\n\r\n${'x'.repeat(1000)}`, 5),
    ]
    for (const body of bodies) expect(await outcome(body)).toBeNull()
  })

  test('an endless body is cut off, compressed or not', async () => {
    const bomb = gzipSync(Buffer.alloc(16 << 20))
    for (const head of [
      `${OK}\r\n`,
      `${OK}content-length: 99999999999\r\n\r\n`,
      `${OK}content-encoding: gzip\r\n\r\n`,
    ]) {
      expect(
        await outcome((socket) => {
          socket.write(head)
          pour(socket, bomb)
        }),
      ).toBeNull()
    }
  })
})

describe('without an answer the event waits', () => {
  test.each<[string, RawAnswer, string]>([
    ['closed at once', (socket) => void socket.end(), UNREACHABLE],
    ['reset', (socket) => void socket.resetAndDestroy(), UNREACHABLE],
    [
      'reset in the status line',
      (socket) => void socket.write('HTTP/1.1 20', () => socket.resetAndDestroy()),
      UNREACHABLE,
    ],
    ['closed in the headers', (socket) => void socket.end(`${OK}x-a: b\r\n`), UNREACHABLE],
    ['only a 103', (socket) => void socket.end('HTTP/1.1 103 Early Hints\r\n\r\n'), UNREACHABLE],
    [
      'an upgrade nobody asked for',
      (socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
      UNREACHABLE,
    ],
    ['a 100 nobody asked for', (socket) => void socket.write(`HTTP/1.1 100 Continue\r\n\r\n`), UNREACHABLE],
    ['nothing', () => undefined, TIMED_OUT],
    ['a head of one byte per 100 ms', (socket) => drip(socket, `${OK}content-length: 0\r\n\r\n`, 100), TIMED_OUT],
    ['no HTTP at all', (socket) => void socket.write('220 smtp.example.com ESMTP\r\n'), UNREACHABLE],
    ['two lengths', (socket) => void socket.write(`${OK}content-length: 1\r\ncontent-length: 2\r\n\r\nx`), UNREACHABLE],
    [
      'length and chunks',
      (socket) => void socket.write(`${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
      UNREACHABLE,
    ],
    [
      'headers without end',
      (socket) => {
        socket.write(OK)
        pour(socket, Buffer.from(`x: ${'y'.repeat(1000)}\r\n`))
      },
      UNREACHABLE,
    ],
    [
      'one header without end',
      (socket) => {
        socket.write(`${OK}x: `)
        pour(socket, Buffer.alloc(65_536, 'y'))
      },
      UNREACHABLE,
    ],
    [
      'a status line without end',
      (socket) => {
        socket.write('HTTP/1.1 200 ')
        pour(socket, Buffer.alloc(65_536, 'y'))
      },
      TIMED_OUT,
    ],
    [
      '1xx without end',
      (socket) => pour(socket, Buffer.from('HTTP/1.1 102 Processing\r\n\r\n'.repeat(100))),
      TIMED_OUT,
    ],
  ])('%s', async (_, answer, expected) => {
    expect(await outcome(answer, expected === TIMED_OUT ? SHORT_MS : PATIENT_MS)).toBe(expected)
  })
})

describe('what a receiver says', () => {
  const said = (status: string, body: string): RawAnswer => {
    const length = Buffer.byteLength(body)
    return (socket) => void socket.write(`HTTP/1.1 ${status}\r\ncontent-length: ${length}\r\n\r\n${body}`)
  }
  const open = (): Promise<WebhookSender> => WebhookSender.open({ url: server.url }, { timeoutMs: PATIENT_MS })

  test.each([
    ['422 Unprocessable', '{"error":"no such customer"}', '{"error":"no such customer"}'],
    ['503 Unavailable', 'maintenance', 'maintenance'],
    ['302 Found', '', ''],
    ['400 Bad Request', 'é'.repeat(40_000), 'é'.repeat(1_024)],
    ['400 Bad Request', `x${'é'.repeat(2_000)}`, `x${'é'.repeat(1_023)}`],
  ])('to a refused event is kept with its %s, the first 2 kB', async (status, body, text) => {
    await using sender = await open()
    server.answer = said(status, body)
    const failure = await sender.failure(1)
    expect(failure?.answer).toEqual({ status: status.slice(0, 3), text })
    expect(JSON.stringify([failure?.error.message, failure?.error.hint])).not.toContain('customer')
  })

  test('in a body that does not end counts as far as it came', async () => {
    await using sender = await open()
    server.answer = (socket) => void socket.write('HTTP/1.1 400 Bad\r\ncontent-length: 100\r\n\r\nhalf')
    expect((await sender.failure(1))?.answer).toEqual({ status: '400', text: 'half' })
  })

  test.each([
    ['{"id": 7}', { id: 7 }],
    [JSON.stringify('x'.repeat(60_000)), 'x'.repeat(60_000)],
    [JSON.stringify('x'.repeat(70_000)), null],
    ['taken', null],
    ['', null],
  ])('is given to whoever asks: %.12s', async (body, value) => {
    await using sender = await open()
    server.answer = said('200 OK', body)
    expect(await sender.ask(1)).toEqual({ tag: 'done', value })
  })

  test('is a failure to whoever asks, as to whoever sends', async () => {
    await using sender = await open()
    server.answer = said('409 Conflict', '{"taken":true}')
    expect(await sender.ask(1)).toMatchObject({ kind: 'poison', answer: { status: '409', text: '{"taken":true}' } })
  })
})
