// A web or gRPC server that can be killed: `node receiver.ts webhook|grpc PORT FILE`. It appends what it gets to FILE, one
// JSON text a line, before it answers: what was acknowledged is there, whatever happens to the process.
import { openSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js'
import type { sendUnaryData, ServerUnaryCall, ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { fileURLToPath } from 'node:url'
import type { Note } from './outlet.ts'

const [kind = '', port = '', file = ''] = process.argv.slice(2)
const out = openSync(file, 'a')
const keep = (notes: readonly Note[]): void => {
  writeSync(out, notes.map((note) => `${JSON.stringify(note)}\n`).join(''))
}

if (kind === 'webhook') serveHttp()
else serveGrpc()

function serveHttp(): void {
  createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Note & { events?: Note[] }
      keep(body.events ?? [body])
      response.writeHead(204).end()
    })
  }).listen(Number(port), '127.0.0.1')
}

function serveGrpc(): void {
  const proto = fileURLToPath(new URL('arrivals.proto', import.meta.url))
  const definition = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: String }))
  const { Arrivals } = definition['fault'] as unknown as { Arrivals: ServiceClientConstructor }
  const server = new Server()
  server.addService(Arrivals.service, {
    Keep: (call: ServerUnaryCall<Note, object>, done: sendUnaryData<object>) => {
      keep([call.request])
      done(null, {})
    },
  })
  server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
    if (error) throw error
  })
}
