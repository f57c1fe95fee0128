import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { randomFrom } from '../fault/random.ts'
import { RawServer } from '../support/raw-answers.ts'
import { WebhookSender } from '../support/webhook-target.ts'

const SEED = Number(process.env['BINGO_FUZZ_SEED'] ?? 1)
const RUNS = Number(process.env['BINGO_FUZZ_RUNS'] ?? 400)
const LANES = 8
const TIMEOUT_MS = 150
const DAY_MS = 86_400_000
/** Far above what a warm heap takes, far below what keeping what was poured in would. */
const MAX_GROWTH_BYTES = 512 << 20

type Random = () => number
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!

const STATUS_LINES = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 204 No Content',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 503 Oops',
  'HTTP/1.1 422 No',
  'HTTP/1.1 429 Slow',
  'HTTP/1.1 103 Early',
  'HTTP/1.1 101 Switch',
  'HTTP/1.1 999 ?',
  'HTTP/2 200',
  'HTTP/9.9 200 OK',
  'HTTP/1.1 2OO OK',
  'HTTP/1.1 -200 OK',
  'ICY 200 OK',
  '\0\0\0',
  '',
]
const HEADERS = [
  'content-length: 0',
  'content-length: 5',
  'content-length: 18446744073709551616',
  'content-length: -1',
  'content-length: 5, 5',
  'Content-Length : 3',
  'transfer-encoding: chunked',
  'transfer-encoding: gzip, chunked',
  'transfer-encoding: identity',
  'connection: close',
  'connection: keep-alive',
  'keep-alive: timeout=99999999999',
  'keep-alive: timeout=-1',
  'upgrade: websocket',
  'retry-after: 99999999999999999999',
  'retry-after: never',
  'retry-after: Thu, 01 Jan 1970 00:00:00 GMT',
  'content-encoding: gzip',
  'location: file:///etc/passwd',
  'set-cookie: a=b',
  'x: \0',
  'x: \x7f\xff',
  ' folded: yes',
  'no colon',
  ': nameless',
  `x: ${'y'.repeat(20_000)}`,
  'webhook-id: 1',
]
const BODIES = [
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  'fffffffffffffffff\r\n',
  '-1\r\n',
  '5;ext=1\r\nhello\r\n0\r\ntrailer: x\r\n\r\n',
  '\x1f\x8b\x08\0',
  'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
  'x'.repeat(100_000),
]

/** An answer that is nearly HTTP: parts of it well-formed, some wrong, then bytes changed, cut out or doubled. */
function randomAnswer(random: Random): Buffer {
  const eol = random() < 0.9 ? '\r\n' : pick(random, ['\n', '\r', '\r\r\n'])
  const headers = Array.from({ length: Math.floor(random() * 5) }, () => pick(random, HEADERS))
  if (random() < 0.03) headers.push(...Array.from({ length: 5_000 }, (_, i) => `x-${i}: y`))
  const text = [pick(random, STATUS_LINES), ...headers, '', pick(random, BODIES)].join(eol)
  let bytes: Buffer = Buffer.from(text, 'latin1')
  for (let i = Math.floor(random() * random() * 4); i > 0 && bytes.length > 0; i--) bytes = mutate(random, bytes)
  return bytes
}

function mutate(random: Random, bytes: Buffer): Buffer {
  const at = Math.floor(random() * bytes.length)
  const to = at + Math.floor(random() * 20)
  const what = random()
  if (what < 0.4) return Buffer.concat([bytes.subarray(0, at), Buffer.from([random() * 256]), bytes.subarray(at + 1)])
  if (what < 0.6) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])
  if (what < 0.8) return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)])
  return bytes.subarray(0, at)
}

test(`${RUNS} answers that are nearly HTTP neither crash, hang nor fill memory (seed ${SEED})`, async () => {
  const random = randomFrom(SEED)
  const outcomes = new Map<string, number>()
  const strange: Buffer[] = []
  let left = RUNS
  const lane = async (): Promise<void> => {
    await using server = await RawServer.start()
    await using sender = await WebhookSender.open({ url: server.url }, { timeoutMs: TIMEOUT_MS })
    while (left-- > 0) {
      const bytes = randomAnswer(random)
      const [cut, end, pause] = [Math.floor(random() * bytes.length), random(), random() < 0.2]
      server.answer = async (socket) => {
        socket.write(bytes.subarray(0, cut))
        if (pause) await delay(5)
        socket.write(bytes.subarray(cut), () => {
          if (end < 0.5) socket.end()
          else if (end < 0.7) socket.resetAndDestroy()
        })
      }
      const failure = await sender.failure()
      const outcome = failure === null ? 'taken' : `${failure.kind} ${failure.error.code}`
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      // Only a head that says 2xx may count as one.
      if (failure === null && !/HTTP\/\d\.\d 2\d\d/.test(bytes.toString('latin1'))) strange.push(bytes)
      if ((failure?.retryAfterMs ?? 0) > DAY_MS) strange.push(bytes)
    }
    server.answer = (socket) => void socket.write('HTTP/1.1 204 No Content\r\n\r\n')
    // The last answer may have left a connection that closes under the next request.
    await eventually('a proper answer is taken', async () => (await sender.failure()) === null)
  }
  const before = process.memoryUsage().rss
  await Promise.all(Array.from({ length: LANES }, lane))
  expect(process.memoryUsage().rss - before).toBeLessThan(MAX_GROWTH_BYTES)
  expect(strange).toEqual([])
  for (const outcome of [
    'taken',
    'down BINGO_WEBHOOK_UNREACHABLE',
    'down BINGO_WEBHOOK_TIMEOUT',
    'down BINGO_WEBHOOK_STATUS',
    'poison BINGO_WEBHOOK_STATUS',
  ]) {
    expect(outcomes.get(outcome), outcome).toBeGreaterThan(0)
  }
  expect([...outcomes.keys()].filter((outcome) => !/BINGO_WEBHOOK|taken/.test(outcome))).toEqual([])
})
