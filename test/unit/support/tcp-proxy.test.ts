import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TcpProxy } from '../../support/tcp-proxy.ts'

/** Answers every request with a prefix and the request itself; remembers what it got. */
async function startEcho(prefix: string): Promise<{ port: number; received: string[]; close: () => void }> {
  const received: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      received.push(data.toString())
      socket.write(prefix + data.toString())
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { port: (server.address() as AddressInfo).port, received, close }
}

let one: Awaited<ReturnType<typeof startEcho>>
let other: Awaited<ReturnType<typeof startEcho>>
beforeEach(async () => {
  one = await startEcho('one ')
  other = await startEcho('other ')
})
afterEach(() => {
  one.close()
  other.close()
})

async function open(proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

async function ask(socket: Socket, question: string): Promise<string> {
  socket.write(question)
  const [data] = (await once(socket, 'data')) as [Buffer]
  return data.toString()
}

describe('the proxy', () => {
  it('passes bytes both ways, and redirects new connections on request', async () => {
    await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: one.port })
    expect(await ask(await open(proxy), 'hello')).toBe('one hello')
    proxy.repoint({ host: '127.0.0.1', port: other.port })
    expect(await ask(await open(proxy), 'hello')).toBe('other hello')
  })

  it('leaves stranded connections dead without closing them, and lets new ones pass', async () => {
    await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: one.port })
    const stranded = await open(proxy)
    expect(await ask(stranded, 'hello')).toBe('one hello')
    proxy.strand()
    stranded.write('swallowed')
    expect(await ask(await open(proxy), 'again')).toBe('one again')
    expect(one.received).toEqual(['hello', 'again'])
    expect(stranded.closed).toBe(false)
  })

  it('delays but delivers with latency', async () => {
    await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: one.port })
    proxy.latencyMs = 5
    expect(await ask(await open(proxy), 'hello')).toBe('one hello')
  })

  it('cuts every connection', async () => {
    await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: one.port })
    const socket = await open(proxy)
    await ask(socket, 'hello')
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    proxy.cut()
    await closed
    await expect.poll(() => proxy.connections).toBe(0)
  })

  it('passes requests and drops the replies', async () => {
    await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: one.port })
    const socket = await open(proxy)
    await ask(socket, 'before')
    const replies: string[] = []
    socket.on('data', (data) => replies.push(data.toString()))
    proxy.dropReplies = true
    socket.write('unanswered')
    await expect.poll(() => one.received).toEqual(['before', 'unanswered'])
    expect(replies).toEqual([])
  })

  it('goes half-open: nothing passes and nothing closes', async () => {
    await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: one.port })
    const socket = await open(proxy)
    await ask(socket, 'before')
    proxy.halfOpen = true
    socket.write('lost')
    one.close()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(one.received).toEqual(['before'])
    expect(socket.destroyed).toBe(false)
  })

  it('flips one bit of the requested reply byte, once', async () => {
    await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: one.port })
    const socket = await open(proxy)
    proxy.flipReplyByteAfter = 4
    expect(await ask(socket, 'aaaa')).toBe('one qaaa')
    expect(await ask(socket, 'aaaa')).toBe('one aaaa')
  })
})
