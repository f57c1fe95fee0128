import { connect } from 'node:net'

/** One of those that a server gives to commands that were sent together. */
interface Reply {
  readonly text: string
  /** Where the next one begins. */
  readonly end: number
}

const LINE_END = '\r\n'
const LINE_FEED = 10

/** There is more of the reply to come. */
class Incomplete extends Error {
  constructor() {
    super('Redis hung up before it had answered')
  }
}

/**
 * Sends one command over a connection of its own, and answers what `redis-cli --raw` prints of the reply. Tests ask hundreds of
 * times, and a process for each costs 15 ms of CPU time.
 */
export async function redisCommand(port: number, database: string, command: readonly string[]): Promise<string> {
  const commands = database === '0' ? [command] : [['SELECT', database], command]
  return `${await exchange(port, commands)}\n`
}

function encoded(command: readonly string[]): string {
  const words = command.map((word) => `$${Buffer.byteLength(word)}${LINE_END}${word}${LINE_END}`)
  return `*${command.length}${LINE_END}${words.join('')}`
}

/** What the server replies to the last of the commands. */
function exchange(port: number, commands: readonly (readonly string[])[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(commands.map(encoded).join('')))
    // Sentinels know no QUIT: who has the replies hangs up.
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (chunk.at(-1) !== LINE_FEED) return
      try {
        resolve(lastReply(Buffer.concat(chunks), commands.length))
      } catch (error) {
        if (error instanceof Incomplete) return
        reject(error as Error)
      }
      socket.destroy()
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Incomplete()))
  })
}

function lastReply(answer: Buffer, replies: number): string {
  let reply: Reply = { text: '', end: 0 }
  for (let i = 0; i < replies; i++) reply = replyAt(answer, reply.end)
  return reply.text
}

/** https://redis.io/docs/latest/develop/reference/protocol-spec/, version 2. */
function replyAt(answer: Buffer, start: number): Reply {
  const lineEnd = answer.indexOf(LINE_END, start)
  if (lineEnd < 0) throw new Incomplete()
  const line = answer.toString('latin1', start + 1, lineEnd)
  const next = lineEnd + LINE_END.length
  switch (String.fromCharCode(answer[start]!)) {
    case '$':
      return line === '-1' ? { text: '', end: next } : bulkAt(answer, next, Number(line))
    case '*':
      return listAt(answer, next, Math.max(0, Number(line)))
    case '-':
      return { text: `${answer.toString('utf8', start + 1, lineEnd)}\n`, end: next }
    default:
      return { text: answer.toString('utf8', start + 1, lineEnd), end: next }
  }
}

function bulkAt(answer: Buffer, start: number, length: number): Reply {
  const end = start + length + LINE_END.length
  if (end > answer.length) throw new Incomplete()
  return { text: answer.toString('utf8', start, start + length), end }
}

function listAt(answer: Buffer, start: number, length: number): Reply {
  const texts: string[] = []
  let end = start
  for (let i = 0; i < length; i++) {
    const element = replyAt(answer, end)
    texts.push(element.text)
    end = element.end
  }
  return { text: texts.join('\n'), end }
}
