/**
 * What posts over HTTP take at least, a process of its own: `post-server.ts KIND FOLDER` prints its port. `node` answers the same
 * bytes to whatever comes; `sqlite` keeps each event first, in groups that are synced, by the rows that BinGo keeps of it without its
 * status; `hono` answers by the web's requests and responses.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { EventEnvelope } from '../../src/model/event/posted/event-record.ts'
import { uuid7 } from '../../src/model/event/posted/uuid7.ts'
import type { NewEvent } from '../../src/model/state/event-provider.ts'
import { newEvent } from '../support/events/new-event.ts'
import { bareSqlite } from './event-stores.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

/** As long as BinGo's record of the event that is posted. */
const RECORD = { record: 'x'.repeat(830) }
const TEXT = JSON.stringify(RECORD)
const HEADERS = { 'content-type': 'application/json; charset=utf-8', 'content-length': TEXT.length }

const [kind, folder = '.'] = process.argv.slice(2)
const server = createServer(kind === 'hono' ? byHono() : kind === 'sqlite' ? bySqlite() : byNode())
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

function byNode(): Answer {
  return (request, response) => read(request, () => send(response))
}

function bySqlite(): Answer {
  const store = bareSqlite(`file:${join(folder, 'bare.db')}`)
  let waiting: { readonly body: Buffer; readonly response: ServerResponse }[] = []
  const write = (): void => {
    const group = waiting
    waiting = []
    void store.write(group.map(({ body }) => eventIn(body)))
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

function eventIn(body: Buffer): NewEvent {
  const { event } = JSON.parse(body.toString()) as { event: Partial<EventEnvelope> }
  return newEvent(uuid7(Date.now()), event)
}
