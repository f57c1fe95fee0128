import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

/** Between two reports of what has arrived. */
const REPORT_MS = 10

interface Report {
  readonly count: number
}

/** A receiver in a process of its own, so that who measures takes no time from it: answers each request after a while. */
export interface SlowReceiver extends AsyncDisposable {
  readonly url: string
  /** Requests that came since the start. */
  readonly count: number
  /** Until then requests are taken in and not answered. */
  open(): void
  /** Resolves at the report that says so. */
  arrived(count: number): Promise<void>
}

export async function startSlowReceiver(takesMs: number): Promise<SlowReceiver> {
  const child = fork(fileURLToPath(import.meta.url), [String(takesMs)])
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  let count = 0
  const waiting = new Set<() => void>()
  child.on('message', (report: Report) => {
    count = report.count
    for (const look of waiting) look()
  })
  return {
    url: `http://127.0.0.1:${port}`,
    get count() {
      return count
    },
    open: () => void child.send('open'),
    arrived: (wanted) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (count < wanted) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

async function serve(takesMs: number): Promise<void> {
  const gate = Promise.withResolvers<void>()
  let isOpen = false
  let count = 0
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      count += 1
      const answer = (): void => void response.writeHead(204).end()
      if (isOpen) setTimeout(answer, takesMs)
      else void gate.promise.then(() => setTimeout(answer, takesMs))
    })
  })
  process.on('message', () => {
    isOpen = true
    gate.resolve()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send!({ port: (server.address() as AddressInfo).port })
  setInterval(() => process.send!({ count }), REPORT_MS)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(Number(process.argv[2]))
