import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { freePort } from '../../../src/demo/servers/ports.ts'

it('gives a port that can be listened on, below the range of outgoing connections', async () => {
  const port = await freePort()
  expect(port).toBeLessThan(32_768)
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  server.close()
})

it('gives each port once, also to other processes, before anybody listens on it', async () => {
  const ports = await Promise.all(Array.from({ length: 300 }, freePort))
  expect(new Set(ports).size).toBe(ports.length)
  const file = new URL('../../../src/demo/servers/ports.ts', import.meta.url).pathname
  const script = `const { freePort } = await import(${JSON.stringify(file)})
    console.log(JSON.stringify(await Promise.all(Array.from({ length: 300 }, freePort))))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  expect((JSON.parse(stdout) as number[]).filter((port) => ports.includes(port))).toEqual([])
})

it('does not keep the process alive, and takes no port that another process has reserved', async () => {
  const port = await freePort()
  const second = createSocket('udp4').bind({ port, address: '127.0.0.1', exclusive: true })
  const [error] = (await once(second, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('EADDRINUSE')
})
