import { isUtf8 } from 'node:buffer'
import { JsonProblem, readJson, type ReadJson } from '../../../model/json/strict-json.ts'
import type { Value } from '../../../model/event/row.ts'
import { InvalidPosting } from '../../../events/errors.ts'
import { ApiError } from '../problem.ts'

/** Bodies that are read at once, over all requests: clients decide how many there are. */
const MOST_BYTES = 64 * 1024 * 1024
/** `{events: [{payload: …}]}` around what the limit is meant for. */
const ENVELOPE_DEPTH = 3

const JSON_TYPES = ['application/json']

/** What a body says, and how long it was. */
export interface JsonBody extends ReadJson {
  readonly bytes: number
}

/** A request, as far as its body is concerned; of the web or of Node.js. */
export interface IncomingBody {
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  /** Bytes, where that is known before; NaN for nonsense. */
  readonly length: number | undefined
  /** Null where it has more bytes than this. Rejects where the connection ends before it does. */
  read(mostBytes: number): Promise<Uint8Array | null>
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

  /** Throws ApiError: 413, 503 where too many are read already, 415 for one that is compressed. */
  async bytes(request: IncomingBody): Promise<Uint8Array> {
    const { contentEncoding = '', length } = request
    if (contentEncoding !== '' && contentEncoding.toLowerCase() !== 'identity') throw compressed()
    const most = length ?? this.mostBytes
    if (!(most <= this.mostBytes)) throw this.tooLarge()
    if (this.reading + most > MOST_BYTES) {
      throw new ApiError(503, 'BINGO_HTTP_BUSY', 'too many requests are being read', { hint: 'Retry later.' })
    }
    this.reading += most
    try {
      const bytes = await request.read(most)
      if (bytes === null) throw this.tooLarge()
      return bytes
    } finally {
      this.reading -= most
    }
  }

  /** Throws ApiError 415, 400 for what is no JSON, and InvalidPosting for JSON that is not taken. */
  async json(request: IncomingBody, types: readonly string[] = JSON_TYPES): Promise<JsonBody> {
    checkType(mediaType(request), types)
    const bytes = await this.bytes(request)
    return { ...this.read(bytes), bytes: bytes.length }
  }

  parse(bytes: Uint8Array): Value {
    return this.read(bytes).value
  }

  private read(bytes: Uint8Array): ReadJson {
    try {
      return readJson(textOf(bytes), this.maxDepth)
    } catch (error) {
      if (!(error instanceof JsonProblem)) throw error
      const { reason, message, path, offset } = error
      if (reason !== 'syntax') throw new InvalidPosting([{ path, message }])
      throw new ApiError(400, 'BINGO_HTTP_JSON', `the body is not valid JSON: ${message}, at character ${offset}`, {
        path,
      })
    }
  }

  private tooLarge(): ApiError {
    return new ApiError(413, 'BINGO_EVENT_TOO_LARGE', `the body exceeds the limit of ${this.mostBytes} bytes`, {
      hint: 'Send fewer events at a time, or raise events.limits.request.',
    })
  }
}

export function mediaType({ contentType = '' }: IncomingBody): string {
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

function checkType(type: string, types: readonly string[]): void {
  if (types.includes(type)) return
  throw new ApiError(415, 'BINGO_HTTP_MEDIA_TYPE', `the body has to be ${types.join(' or ')}`, {
    hint: `Send the header Content-Type: ${types[0]}`,
  })
}

function compressed(): ApiError {
  return new ApiError(415, 'BINGO_HTTP_MEDIA_TYPE', 'the body must not be compressed', {
    hint: 'Send it without the header Content-Encoding.',
  })
}

/** Without a byte order mark, which is no JSON. */
function textOf(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new ApiError(400, 'BINGO_HTTP_JSON', 'the body is not valid UTF-8')
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start).toString()
}
