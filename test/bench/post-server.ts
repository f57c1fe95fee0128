/**
 * What posts over HTTP take at least, a process of its own: `post-server.ts KIND FOLDER` prints its port. `node` answers the same
 * bytes to whatever comes; `sqlite` keeps each body first, in groups that are synced, without a look at what is in it but its type
 * and key; `hono` answers by the web's requests and responses.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { openSharedSqlite } from '../../src/clients/sqlite.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

/** As long as BinGo's record of the event that is posted. */
const RECORD = { record: 'x'.repeat(830) }
const TEXT = JSON.stringify(RECORD)
const HEADERS = { 'content-type': 'application/json; charset=utf-8', 'content-length': TEXT.length }

const [kind, folder = '.'] = process.argv.slice(2)
const server = createServer(kind === 'hono' ? byHono() : kind === 'sqlite' ? await bySqlite() : byNode())
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

function byNode(): Answer {
  return (request, response) => read(request, () => send(response))
}

async function bySqlite(): Promise<Answer> {
  const database = await openSharedSqlite(join(folder, 'bare.db'))
  database.exec('CREATE TABLE events (seq INTEGER PRIMARY KEY, type TEXT, key TEXT, body BLOB)')
  const insert = database.prepare('INSERT INTO events (type, key, body) VALUES (?, ?, ?)')
  let waiting: { readonly body: Buffer; readonly response: ServerResponse }[] = []
  const write = (): void => {
    const group = waiting
    waiting = []
    database.exec('BEGIN')
    for (const { body } of group) {
      const { event } = JSON.parse(body.toString()) as { event: { type: string; key: string } }
      insert.run(event.type, event.key, body)
    }
    database.exec('COMMIT')
    for (const { response } of group) send(response)
  }
  return (request, response) =>
    read(request, (body) => {
      if (waiting.push({ body, response }) === 1) setImmediate(write)
    })
}

function byHono(): Answer {
  const app = new Hono()
  app.post('/*', async (call) => {
    await call.req.json()
    return call.json(RECORD)
  })
  return getRequestListener((request) => app.fetch(request), { overrideGlobalObjects: false })
}

function read(request: IncomingMessage, then: (body: Buffer) => void): void {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => then(Buffer.concat(parts)))
}

function send(response: ServerResponse): void {
  response.writeHead(200, HEADERS)
  response.end(TEXT)
}
