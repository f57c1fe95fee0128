import type { IncomingMessage } from 'node:http'
import { JsonProblem, parseJson } from '../../model/json/strict-json.ts'
import type { Value } from '../../model/event/change.ts'
import { InvalidPosting } from '../../events/errors.ts'
import { ApiError } from './problem.ts'

/** Bodies that are read at once, over all requests: clients decide how many there are. */
const MOST_BYTES = 64 * 1024 * 1024
/** `{events: [{payload: …}]}` around what the limit is meant for. */
const ENVELOPE_DEPTH = 3

const JSON_TYPES = ['application/json']

/** What a body says, and how long it was. */
export interface JsonBody {
  readonly value: Value
  readonly bytes: number
}

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
  bytes(request: Request): Promise<Uint8Array> {
    const given = request.headers.get('content-length')
    return this.counted(given === null ? this.mostBytes : Number(given), async () =>
      given === null ? await this.chunked(request) : new Uint8Array(await request.arrayBuffer()),
    )
  }

  /** Throws ApiError 415, 400 for what is no JSON, and InvalidPosting for JSON that is not taken. */
  async json(request: Request, types: readonly string[] = JSON_TYPES): Promise<JsonBody> {
    checkType(mediaType(request), types)
    return this.read(await this.bytes(request))
  }

  /** The same, of a request of Node.js whose length is known. */
  async jsonOf(request: IncomingMessage): Promise<JsonBody> {
    checkType(mediaTypeOf(request.headers['content-type']), JSON_TYPES)
    const length = Number(request.headers['content-length'])
    return this.read(await this.counted(length, () => wholeBody(request, length)))
  }

  private async counted(most: number, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (!(most <= this.mostBytes)) throw this.tooLarge()
    if (this.reading + most > MOST_BYTES) {
      throw new ApiError(503, 'BINGO_HTTP_BUSY', 'too many requests are being read', { hint: 'Retry later.' })
    }
    this.reading += most
    try {
      return await read()
    } finally {
      this.reading -= most
    }
  }

  private read(bytes: Uint8Array): JsonBody {
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
  return mediaTypeOf(request.headers.get('content-type') ?? undefined)
}

function mediaTypeOf(header: string | undefined): string {
  return (header ?? '').split(';')[0]!.trim().toLowerCase()
}

function checkType(type: string, types: readonly string[]): void {
  if (types.includes(type)) return
  throw new ApiError(415, 'BINGO_HTTP_MEDIA_TYPE', `the body has to be ${types.join(' or ')}`, {
    hint: `Send the header Content-Type: ${types[0]}`,
  })
}

/** Rejects where the connection ends before. */
function wholeBody(request: IncomingMessage, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let missing = length
    request.on('data', (part: Buffer) => {
      parts.push(part)
      missing -= part.length
      // What follows is the end of the request, which takes another turn.
      if (missing === 0) resolve(parts.length === 1 ? part : Buffer.concat(parts))
    })
    request.on('end', () => resolve(Buffer.concat(parts)))
    request.on('error', reject)
    request.on('close', () => {
      if (!request.complete) reject(new ApiError(400, 'BINGO_HTTP_ABORTED', 'the request ended early'))
    })
  })
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function textOf(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw new ApiError(400, 'BINGO_HTTP_JSON', 'the body is not valid UTF-8')
  }
}
