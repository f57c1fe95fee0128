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
const PROTO = fileURLToPath(new URL('arrivals.proto', import.meta.url))

export function startWebhook(): Promise<Outlet> {
  return start('webhook', (port) => `{type: webhook, url: "http://127.0.0.1:${port}/", body: ${NOTE}}`)
}

export function startGrpc(): Promise<Outlet> {
  return start(
    'grpc',
    (port) =>
      `{type: grpc, address: "127.0.0.1:${port}", method: fault.Arrivals/Keep, proto: "${PROTO}", message: ${NOTE}}`,
  )
}

async function start(name: 'webhook' | 'grpc', action: (port: number) => string): Promise<Outlet> {
  const server = await ServerProcess.create(`the ${name} receiver`)
  const port = await freePort()
  const file = join(server.folder, 'arrivals')
  const command = { command: process.execPath, args: [PROGRAM, name, String(port), file], env: {} }
  const isReady = () => accepts(port)
  await server.start(command, isReady)
  const receiver = new TestServer(port, '', server, command, isReady)
  return {
    name,
    keeps: 'history',
    action: action(port),
    ...breakable(receiver),
    arrivals: async () => wholeLines(await readFile(file, 'utf8')).map(arrivalOfJson),
    [Symbol.asyncDispose]: () => receiver.stop(),
  }
}

/** A kill in mid-write leaves half a line; what it stood for was not acknowledged. */
export function wholeLines(text: string): string[] {
  return text.split('\n').filter((line) => line.endsWith('}'))
}
