import { openDaemon } from '../daemon/ask-daemon.ts'
import { apiConfig, print, refusalOf, type ApiOptions } from './ask-api.ts'

export interface TailOptions extends ApiOptions {
  readonly on?: readonly string[]
  /** Stop after this number of events. */
  readonly limit?: number
}

/** `bingo events tail`: events as they enter the log, as NDJSON, until interrupted. */
export async function tailPosted(options: TailOptions): Promise<void> {
  const query = new URLSearchParams((options.on ?? []).map((pattern) => ['on', pattern] as [string, string]))
  if (options.environment !== undefined) query.set('environment', options.environment)
  const stop = new AbortController()
  const path = `/api/v1/events/stream?${query.toString()}`
  const response = await openDaemon(apiConfig(options), path, { signal: stop.signal })
  let text = ''
  if (response.statusCode !== 200) {
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
    throw refusalOf({ status: response.statusCode ?? 0, body: parse(text) })
  }
  let left = options.limit ?? Infinity
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk)
    const blocks = text.split('\n\n')
    text = blocks.pop()!
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data === undefined) continue
      print([data])
      left -= 1
      if (left === 0) return stop.abort()
    }
  }
}

function parse(text: string): object {
  try {
    return JSON.parse(text) as object
  } catch {
    return {}
  }
}
