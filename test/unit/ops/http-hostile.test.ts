import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { DropResult } from '../../../src/model/delivery/deliveries.ts'
import { HttpServer } from '../../../src/ops/http-server.ts'
import { Tokens } from '../../../src/ops/tokens.ts'
import type { HttpLimits } from '../../../src/ops/http-server.ts'
import { randomFrom } from '../../fault/random.ts'

const SEED = Number(process.env['BINGO_FUZZ_SEED'] ?? 1)
const RUNS = Number(process.env['BINGO_FUZZ_RUNS'] ?? 500)
const pages = {
  resumeRule: (rule: string) => rule === 'broken',
  setTargetPaused: async (target: string, isPaused: boolean) =>
    target === 'crm' ? ('done' as const) : isPaused ? ('unknown' as const) : ('not paused' as const),
  dropTarget: (target: string) =>
    (target === 'old' ? { dropped: 3 } : target === 'crm' ? 'named' : 'unknown') as DropResult,
  health: () => ({ ready: true, reasons: [], notes: [] }),
  metrics: async () => 'bingo_ready 1\n',
  status: async () => ({ name: 'shop' }),
}
const open = (token?: string, limits?: HttpLimits) =>
  HttpServer.open({ host: '127.0.0.1', port: 0, tokens: new Tokens({ token }), ...(limits && { limits }) }, pages)

/** Sends bytes; everything that came back until the server closed, or `quietMs` after it last said something. */
async function talk(port: number, bytes: string | Buffer, quietMs = 300): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const parts: Buffer[] = []
  let last = performance.now()
  socket.on('data', (part: Buffer) => {
    parts.push(part)
    last = performance.now()
  })
  socket.on('error', () => undefined)
  socket.write(bytes)
  while (
    !socket.closed &&
    (parts.length === 0 || performance.now() - last < 20) &&
    performance.now() - last < quietMs
  ) {
    await delay(5)
  }
  socket.destroy()
  return Buffer.concat(parts).toString('latin1')
}

const statusOf = (answer: string): string => /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? answer
const alive = async (port: number): Promise<string> => statusOf(await talk(port, get('/healthz'), 10_000))
const get = (path: string, ...headers: string[]): string =>
  ['GET ' + path + ' HTTP/1.1', 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n')

test.each([
  ['no HTTP', 'hello\r\n\r\n', '400'],
  ['a TLS greeting', Buffer.from('16030100c8010000c40303', 'hex'), '400'],
  ['no Host', 'GET /status HTTP/1.1\r\n\r\n', '400'],
  ['two Hosts', 'GET /status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n', '400'],
  ['two Hosts in other letters', 'GET /status HTTP/1.1\r\nhost: localhost\r\nHOST: localhost\r\n\r\n', '400'],
  ['a foreign Host', 'GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n', '403'],
  ['a Host that begins like ours', 'GET /status HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n', '403'],
  ['a Host that ends like ours', 'GET /status HTTP/1.1\r\nHost: evil.localhost\r\n\r\n', '403'],
  ['another origin', get('/status', 'Origin: http://evil.example'), '403'],
  ['the origin null', get('/status', 'Origin: null'), '403'],
  ['our origin over TLS', get('/status', 'Origin: https://localhost'), '403'],
  ['our own origin', get('/status', 'Origin: http://localhost'), '200'],
  ['a huge header', get('/status', `X: ${'y'.repeat(100_000)}`), '431'],
  ['many headers', get('/status', ...Array.from({ length: 5_000 }, (_, i) => `X-${i}: y`)), '431'],
  ['a huge path', get(`/${'a'.repeat(100_000)}`), '431'],
  ['a header with a control character', get('/status', 'X: a\0b'), '400'],
  ['a folded header', get('/status', 'X: a', ' b'), '400'],
  ['length and chunks', get('/status', 'Content-Length: 3', 'Transfer-Encoding: chunked'), '400'],
  ['a negative length', get('/status', 'Content-Length: -1'), '400'],
  ['a path that climbs', get('/../../etc/passwd'), '404'],
  ['an absolute address', get('http://evil.example/status'), '404'],
  ['__proto__', get('/__proto__'), '404'],
  ['an upgrade', get('/status', 'Upgrade: websocket', 'Connection: upgrade'), '200'],
  ['an expectation', get('/status', 'Expect: the-unexpected'), '417'],
  ['another method', 'DELETE /status HTTP/1.1\r\nHost: localhost\r\n\r\n', '405'],
  ['a method that is none', 'FETCH /status HTTP/1.1\r\nHost: localhost\r\n\r\n', '400'],
  ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400'],
])('%s gets the right status', async (_, bytes, status) => {
  await using http = await open()
  expect(statusOf(await talk(http.port, bytes, 5_000))).toBe(status)
  expect(await alive(http.port)).toBe('200')
})

test.each([
  ['none', [], '401'],
  ['an empty one', ['Authorization: Bearer '], '401'],
  ['a wrong one', ['Authorization: Bearer wrong'], '401'],
  ['the beginning of it', ['Authorization: Bearer secret-toke'], '401'],
  ['more than it', ['Authorization: Bearer secret-token2'], '401'],
  ['it by Basic', ['Authorization: Basic secret-token'], '401'],
  ['it in the wrong case', ['Authorization: Bearer SECRET-TOKEN'], '401'],
  ['it behind much space', [`Authorization: Bearer${' '.repeat(10_000)}wrong`], '401'],
  ['it behind a wrong one', ['Authorization: Bearer wrong', 'Authorization: Bearer secret-token'], '401'],
  ['it', ['Authorization: Bearer secret-token'], '200'],
  ['it in lower case', ['authorization: bearer secret-token'], '200'],
])('of tokens, %s gets the right status', async (_, headers, status) => {
  await using http = await open('secret-token')
  for (const path of ['/status', '/metrics'])
    expect(statusOf(await talk(http.port, get(path, ...headers), 5_000))).toBe(status)
})

test('requests that do not come to an end are closed, and others answered meanwhile', async () => {
  await using http = await open(undefined, { requestMs: 400, connections: 64 })
  const beginnings = [
    '',
    'G',
    'GET /status HTTP/1.1\r\nHost: localhost\r\nX: ',
    `${get('/status', 'Content-Length: 9').replace('close', 'keep-alive')}abc`,
  ]
  const sockets = beginnings.map(() =>
    connect(http.port, '127.0.0.1')
      .on('error', () => undefined)
      .on('data', () => undefined),
  )
  sockets.forEach((socket, i) => socket.write(beginnings[i]!))
  const drip = setInterval(() => sockets[2]!.writable && sockets[2]!.write('y'), 20)
  expect(await alive(http.port)).toBe('200')
  await Promise.all(sockets.map((socket) => (socket.closed ? Promise.resolve() : once(socket, 'close'))))
  clearInterval(drip)
  expect(await alive(http.port)).toBe('200')
})

test('connections are bounded, whoever opens more than a thousand', async () => {
  await using http = await open(undefined, { requestMs: 400, connections: 50 })
  const opened = (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    connect(http.port, '127.0.0.1')
      .on('error', () => undefined)
      .on('close', resolve)
      .resume()
    return promise
  }
  // In waves that the queue of the listening socket can hold: what overflows it never learns that it was not accepted.
  for (let wave = 0; wave < 6; wave++) await Promise.all(Array.from({ length: 200 }, opened))
  expect(await alive(http.port)).toBe('200')
}, 60_000)

test(`${RUNS} requests that are nearly HTTP do no harm (seed ${SEED})`, async () => {
  const random = randomFrom(SEED)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  await using http = await open(pick([undefined, 'secret-token']), { requestMs: 300, connections: 256 })
  const bytesOf = (): Buffer => {
    const line = `${pick(['GET', 'HEAD', 'POST', 'get', '', 'CONNECT'])} ${pick(['/status', '/readyz', '*', '//', '/%00', '/?a'])} ${pick(['HTTP/1.1', 'HTTP/1.0', 'HTTP/9.9', ''])}`
    const headers = Array.from({ length: Math.floor(random() * 6) }, () =>
      pick([
        'Host: localhost',
        'Host:',
        'Host: [::1',
        'Host: a@b',
        'Origin: x',
        'Authorization: Bearer',
        'Transfer-Encoding: chunked',
        'Content-Length: 5',
        'Connection: upgrade',
        'Expect: 100-continue',
        'X',
        ': y',
        `X: ${'z'.repeat(9_000)}`,
      ]),
    )
    const bytes = Buffer.from(
      [line, ...headers, '', pick(['', 'body', '5\r\nhello\r\n0\r\n\r\n'])].join(pick(['\r\n', '\r\n', '\n'])),
      'latin1',
    )
    for (let i = Math.floor(random() * 3); i > 0; i--) bytes[Math.floor(random() * bytes.length)] = random() * 256
    return bytes.subarray(0, random() < 0.9 ? bytes.length : Math.floor(random() * bytes.length))
  }
  const statuses = new Set<string>()
  // What is answered, or closed as it does not come to an end: however long that takes.
  const lane = async (runs: number): Promise<void> => {
    for (let i = 0; i < runs; i++) statuses.add(statusOf(await talk(http.port, bytesOf(), 10_000)))
  }
  await Promise.all(Array.from({ length: 10 }, () => lane(RUNS / 10)))
  expect([...statuses].filter((status) => !/^([1-4]\d\d)?$/.test(status))).toEqual([])
  expect(statuses.size).toBeGreaterThan(3)
  expect(await alive(http.port)).toBe('200')
})
