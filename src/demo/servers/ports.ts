import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { BingoError } from '../../model/errors.ts'

/**
 * Below the range from which the kernel takes the local ports of outgoing connections (32768 on Linux): a server that
 * is restarted must get its old port back, and must not find a client's connection sitting on it.
 */
const FIRST_PORT = 20_000
const LAST_PORT = 32_000
const ATTEMPTS = 200

/**
 * A port of 127.0.0.1 that nobody listens on now, and that no other call gives away, in whichever process, until this
 * process ends. A server takes seconds to listen on its port: a second one with the same port would find the first one
 * answering, take it for itself, and go down with it.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT)
    if ((await reserve(port)) && (await isFree(port))) return port
  }
  throw new BingoError('BINGO_NO_FREE_PORT', `no free port found between ${FIRST_PORT} and ${LAST_PORT}`)
}

/** The UDP port of the same number is the reservation: the kernel gives it to one process, and takes it back at its end. */
function reserve(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4').unref()
    socket.once('error', () => resolve(false))
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true))
  })
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
