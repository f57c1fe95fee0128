import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { BingoError } from '../../model/errors.ts'

/**
 * Below the range from which the kernel takes the local ports of outgoing connections (32768 on Linux): a server that
 * is restarted must get its old port back, and must not find a client's connection sitting on it.
 */
const FIRST_PORT = 20_000
const LAST_PORT = 32_000
const ATTEMPTS = 200

/** A port of 127.0.0.1 that nobody listens on now. Drawn at random, so that parallel test processes rarely draw the same. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT)
    if (await isFree(port)) return port
  }
  throw new BingoError('BINGO_NO_FREE_PORT', `no free port found between ${FIRST_PORT} and ${LAST_PORT}`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
