import { Client, credentials, loadPackageDefinition, Metadata } from '@grpc/grpc-js'
import type { ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { Pool } from 'undici'
import { PROTO, startReceiver } from '../../fault/targets/http.ts'
import { dedupeId, inPieces, message } from './contestant.ts'
import type { Contestant } from './contestant.ts'

const ROWS = 20_000
/** Requests in flight: as many as BinGo has lanes. */
const IN_FLIGHT = 16
/** As long as an action waits by default. */
const DEADLINE_MS = 30_000
const NOTE = '{key: "{{id}}", seq: "{{new.status}}", id: "{{event.id}}"}'

function note(id: number): { key: string; seq: number; id: string } {
  return { key: String(id), seq: 1, id: message(id).event }
}

/** The receiver, a process of its own, writes what it gets to a file before it answers. */
export const WEBHOOK: Contestant = {
  name: 'webhook, a request each',
  rows: ROWS,
  async start() {
    const receiver = await startReceiver('webhook')
    const url = `http://127.0.0.1:${receiver.port}`
    const pool = new Pool(url, { connections: IN_FLIGHT })
    const headersOf = (id: number) => ({
      'user-agent': 'bingo',
      'webhook-id': dedupeId(id),
      'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
      'content-type': 'application/json',
    })
    return {
      action: `{type: webhook, id: send, url: "${url}/", batch: never, body: ${NOTE}}`,
      bare: (rows) =>
        inPieces(rows, 1, IN_FLIGHT, async (id) => {
          const body = JSON.stringify({ ...note(id), key: id })
          const answer = await pool.request({ path: '/', method: 'POST', headers: headersOf(id), body })
          await answer.body.dump()
        }),
      async [Symbol.asyncDispose]() {
        await pool.close()
        await receiver.stop()
      },
    }
  },
}

export const GRPC: Contestant = {
  name: 'grpc',
  rows: ROWS,
  async start() {
    const receiver = await startReceiver('grpc')
    const address = `127.0.0.1:${receiver.port}`
    const definition = loadPackageDefinition(loadSync(PROTO, { keepCase: true }))
    const { Arrivals } = definition['fault'] as unknown as { Arrivals: ServiceClientConstructor }
    const { path, requestSerialize, responseDeserialize } = Arrivals.service['Keep']!
    const client = new Client(address, credentials.createInsecure())
    const call = (id: number): Promise<void> =>
      new Promise((resolve, reject) => {
        const metadata = new Metadata()
        metadata.set('bingo-event-id', message(id).event)
        metadata.set('bingo-message-id', dedupeId(id))
        const options = { deadline: Date.now() + DEADLINE_MS }
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, note(id), metadata, options, (error) => {
          if (error) reject(error)
          else resolve()
        })
      })
    return {
      action: `{type: grpc, id: send, address: "${address}", method: fault.Arrivals/Keep, proto: "${PROTO}", message: ${NOTE}}`,
      bare: (rows) => inPieces(rows, 1, IN_FLIGHT, call),
      async [Symbol.asyncDispose]() {
        client.close()
        await receiver.stop()
      },
    }
  },
}

/** The same with threads that send. */
export function inThreads(contestant: Contestant): Contestant[] {
  return [1, 2].map((threads) => ({
    ...contestant,
    name: `${contestant.name}, threads: ${threads}`,
    async start() {
      const contest = await contestant.start()
      return Object.assign(contest, { action: contest.action.replace('{', `{threads: ${threads}, `) })
    },
  }))
}
