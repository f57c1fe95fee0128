import { Client, credentials, loadPackageDefinition } from '@grpc/grpc-js'
import type { ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { Pool } from 'undici'
import { PROTO, startReceiver } from '../../fault/targets/http.ts'
import { inPieces, message } from './contestant.ts'
import type { Contestant } from './contestant.ts'

const ROWS = 20_000
/** Requests in flight: as many as BinGo has lanes. */
const IN_FLIGHT = 16
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
    const headers = { 'content-type': 'application/json' }
    return {
      action: `{type: webhook, url: "${url}/", batch: never, body: ${NOTE}}`,
      bare: (rows) =>
        inPieces(rows, 1, IN_FLIGHT, async (id) => {
          const answer = await pool.request({ path: '/', method: 'POST', headers, body: JSON.stringify(note(id)) })
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
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, note(id), (error) => {
          if (error) reject(error)
          else resolve()
        })
      })
    return {
      action: `{type: grpc, address: "${address}", method: fault.Arrivals/Keep, proto: "${PROTO}", message: ${NOTE}}`,
      bare: (rows) => inPieces(rows, 1, IN_FLIGHT, call),
      async [Symbol.asyncDispose]() {
        client.close()
        await receiver.stop()
      },
    }
  },
}
