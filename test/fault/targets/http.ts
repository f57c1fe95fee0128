import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ServerProcess } from '../../../src/demo/servers/server-process.ts'
import { freePort } from '../../support/daemon.ts'
import { accepts } from '../../support/servers/accepts.ts'
import { TestServer } from '../../support/servers/test-server.ts'
import { arrivalOfJson, breakable, NOTE } from './outlet.ts'
import type { Outlet } from './outlet.ts'

const PROGRAM = fileURLToPath(new URL('receiver.ts', import.meta.url))
export const PROTO = fileURLToPath(new URL('arrivals.proto', import.meta.url))

export function startWebhook(threads = 0): Promise<Outlet> {
  const fields = `threads: ${threads}, batch: auto, body: ${NOTE}`
  return start('webhook', (port) => `{type: webhook, url: "http://127.0.0.1:${port}/", ${fields}}`)
}

export function startGrpc(threads = 0): Promise<Outlet> {
  const fields = `threads: ${threads}, method: fault.Arrivals/Keep, proto: "${PROTO}", message: ${NOTE}`
  return start('grpc', (port) => `{type: grpc, address: "127.0.0.1:${port}", ${fields}}`)
}

async function start(name: 'webhook' | 'grpc', action: (port: number) => string): Promise<Outlet> {
  const receiver = await startReceiver(name)
  return {
    name,
    keeps: 'history',
    action: action(receiver.port),
    ...breakable(receiver),
    arrivals: async () => wholeLines(await readFile(receiver.url, 'utf8')).map(arrivalOfJson),
    [Symbol.asyncDispose]: () => receiver.stop(),
  }
}

/** A web or gRPC server in a process of its own; its `url` is the file that it writes to. */
export async function startReceiver(kind: 'webhook' | 'grpc'): Promise<TestServer> {
  const server = await ServerProcess.create(`the ${kind} receiver`)
  const port = await freePort()
  const file = join(server.folder, 'arrivals')
  const command = { command: process.execPath, args: [PROGRAM, kind, String(port), file], env: {} }
  const isReady = () => accepts(port)
  await server.start(command, isReady)
  return new TestServer(port, file, server, command, isReady)
}

/** A kill in mid-write leaves half a line; what it stood for was not acknowledged. */
export function wholeLines(text: string): string[] {
  return text.split('\n').filter((line) => line.endsWith('}'))
}
