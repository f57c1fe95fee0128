import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { BingoError } from '../../../src/model/errors.ts'
import { ControlConnection } from '../../../src/sources/mysql/server/login/control-connection.ts'
import { parseSourceUrl } from '../../../src/sources/mysql/source-address.ts'
import { framed, greeting, moreData, OK, refusal, switchTo } from '../../support/login-packets.ts'
import type { Random } from '../../support/random-tables.ts'
import type { FuzzSubject } from '../subject.ts'

/** Silence is among the answers: it is given up after both. */
const TIMEOUTS = { connectTimeoutMs: 60, queryTimeoutMs: 60 }
const VERSIONS = ['9.7.4', '8.0.45', '5.7.44-log', '5.5.5-10.11.18-MariaDB', '11.8.9-MariaDB', '', 'x'.repeat(300)]
const PLUGINS = [
  'caching_sha2_password',
  'mysql_native_password',
  'sha256_password',
  'client_ed25519',
  'mysql_clear_password',
  'dialog',
  'auth_gssapi_client',
  'mysql_old_password',
  'parsec',
  '',
]
/** Too many connections, access denied, host blocked, not allowed, unknown plugin, offline, expired, locked, and none. */
const CODES = [1040, 1045, 1129, 1130, 1203, 1226, 1251, 1524, 1820, 1862, 3032, 3118, 3159, 0, 65_535]

/** What the server says in turn: one packet at the beginning, then one for each of ours. */
function script(random: Random): Buffer[] {
  const first = greeting(random.pick(VERSIONS), random.pick(PLUGINS))
  const middle = Array.from({ length: random.below(3) }, () =>
    random.chance(50) ? switchTo(random.pick(PLUGINS)) : moreData(random.pick([3, 4, 2, 0]), ...bytes(random, 30)),
  )
  const ofLogin = [first, ...middle, OK].map((payload, i) => framed(i * 2, payload))
  return [...ofLogin, framed(1, OK), framed(1, OK)]
}

/** One packet of them is not what it should be; undefined: the connection is closed instead. */
function spoil(packets: Buffer[], random: Random): (Buffer | undefined)[] {
  const spoilt: (Buffer | undefined)[] = [...packets]
  const at = random.below(packets.length)
  const packet = packets[at]!
  switch (random.below(9)) {
    case 0:
      spoilt[at] = framed(
        packet[3]!,
        refusal(random.pick(CODES), random.pick(['no', '', 'x'.repeat(10_000), '\0\ud800'])),
      )
      break
    case 1:
      spoilt[at] = packet.subarray(0, random.below(packet.length))
      break
    case 2:
      spoilt[at] = framed(packet[3]!, packet.subarray(4, 4 + random.below(packet.length - 3)))
      break
    case 3:
      spoilt[at] = framed(packet[3]!, Buffer.from(bytes(random, 200)))
      break
    case 4: {
      const copy = Buffer.from(packet)
      copy.writeUIntLE(random.pick([0, 1, 0xffffff, packet.length + 9]), 0, 3)
      spoilt[at] = copy
      break
    }
    case 5: {
      const copy = Buffer.from(packet)
      copy[3] = random.below(256)
      spoilt[at] = copy
      break
    }
    case 6:
      spoilt[at] = undefined
      break
    case 7: {
      const copy = Buffer.from(packet)
      copy[4 + random.below(copy.length - 4)]! ^= 1 << random.below(8)
      spoilt[at] = copy
      break
    }
    default:
      spoilt.splice(at, 0, random.pick([packet, framed(0, Buffer.from([0xfe])), framed(0, Buffer.alloc(0))]))
  }
  return spoilt
}

function bytes(random: Random, most: number): number[] {
  return Array.from({ length: random.below(most) }, () => random.below(256))
}

function talk(socket: Socket, packets: (Buffer | undefined)[], atOnce: boolean): void {
  let next = 0
  const say = (): void => {
    if (next >= packets.length) return
    const packet = packets[next++]
    if (packet === undefined) socket.destroy()
    else socket.write(packet)
  }
  socket.on('error', () => undefined).on('data', say)
  say()
  if (atOnce) while (next < packets.length && !socket.destroyed) say()
}

/** Whatever a server says at the login, a question ends in rows or in a BingoError, and the next one is asked again. */
export const login: FuzzSubject = {
  name: 'login',
  async attempt(random) {
    const packets = spoil(script(random), random)
    const atOnce = random.chance(20)
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket)
      talk(socket, packets, atOnce)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const control = new ControlConnection(parseSourceUrl(`mysql://bingo:secret@127.0.0.1:${port}`), TIMEOUTS)
    try {
      for (let i = 0; i < 2; i++) {
        await control.query('SELECT 1').catch((error: unknown) => {
          if (!(error instanceof BingoError)) throw error
          if (error.message.includes('secret')) throw new Error(`the password is in: ${error.message}`)
        })
      }
    } finally {
      control.close()
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  },
}
