import { JsonProblem, parseJson } from '../../model/json/strict-json.ts'
import type { Value } from '../../model/event/change.ts'
import { InvalidPosting } from '../../events/errors.ts'
import { ApiError } from './problem.ts'

/** Bodies that are read at once, over all requests: clients decide how many there are. */
const MOST_BYTES = 64 * 1024 * 1024
/** `{events: [{payload: …}]}` around what the limit is meant for. */
const ENVELOPE_DEPTH = 3

/** Reads the bodies of requests, within bounds. */
export class Bodies {
  private readonly mostBytes: number
  private readonly maxDepth: number
  private reading = 0

  constructor(mostBytes: number, maxDepth: number) {
    this.mostBytes = mostBytes
    this.maxDepth = maxDepth + ENVELOPE_DEPTH
  }

  /** Throws ApiError: 413, 503 where too many are read already. */
  async bytes(request: Request): Promise<Uint8Array> {
    const given = request.headers.get('content-length')
    const most = given === null ? this.mostBytes : Number(given)
    if (!(most <= this.mostBytes)) throw this.tooLarge()
    if (this.reading + most > MOST_BYTES) {
      throw new ApiError(503, 'BINGO_HTTP_BUSY', 'too many requests are being read', { hint: 'Retry later.' })
    }
    this.reading += most
    try {
      return given === null ? await this.chunked(request) : new Uint8Array(await request.arrayBuffer())
    } finally {
      this.reading -= most
    }
  }

  /** Throws ApiError 415, 400 for what is no JSON, and InvalidPosting for JSON that is not taken. */
  async json(
    request: Request,
    types: readonly string[] = ['application/json'],
  ): Promise<{ value: Value; bytes: number }> {
    const type = mediaType(request)
    if (!types.includes(type)) {
      throw new ApiError(415, 'BINGO_HTTP_MEDIA_TYPE', `the body has to be ${types.join(' or ')}`, {
        hint: `Send the header Content-Type: ${types[0]}`,
      })
    }
    const bytes = await this.bytes(request)
    return { value: this.parse(bytes), bytes: bytes.length }
  }

  parse(bytes: Uint8Array): Value {
    try {
      return parseJson(textOf(bytes), this.maxDepth)
    } catch (error) {
      if (!(error instanceof JsonProblem)) throw error
      const { reason, message, path, offset } = error
      if (reason !== 'syntax') throw new InvalidPosting([{ path, message }])
      throw new ApiError(400, 'BINGO_HTTP_JSON', `the body is not valid JSON: ${message}, at character ${offset}`, {
        path,
      })
    }
  }

  /** Without a length nobody knows how much comes. */
  private async chunked(request: Request): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of request.body ?? []) {
      size += part.length
      if (size > this.mostBytes) throw this.tooLarge()
      parts.push(part)
    }
    return Buffer.concat(parts)
  }

  private tooLarge(): ApiError {
    return new ApiError(413, 'BINGO_EVENT_TOO_LARGE', `the body exceeds the limit of ${this.mostBytes} bytes`, {
      hint: 'Send fewer events at a time, or raise events.limits.request.',
    })
  }
}

export function mediaType(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ApiError(400, 'BINGO_HTTP_JSON', 'the body is not valid UTF-8')
  }
}
