import { createHash, timingSafeEqual } from 'node:crypto'
import { SCOPES, type HttpToken, type Scope } from '../events/settings.ts'

/** Who asks, and what they may do. */
export interface Caller {
  readonly name: string
  readonly scopes: ReadonlySet<Scope>
  readonly environment: string
  /** May name any environment. */
  readonly isAdmin: boolean
}

export interface TokenSettings {
  /** May do everything; undefined: only `tokens` may, or, where there are none, everybody. */
  readonly token: string | undefined
  readonly tokens?: readonly HttpToken[] | undefined
  /** Of callers without a token, and of `token`. */
  readonly environment?: string | undefined
}

interface Known {
  readonly digest: Buffer
  readonly caller: Caller
}

/** The bearer tokens of the HTTP server. */
export class Tokens {
  private readonly known: readonly Known[]
  private readonly anyone: Caller | null

  constructor({ token, tokens = [], environment = 'default' }: TokenSettings) {
    const admin: Caller = { name: 'admin', scopes: new Set(SCOPES), environment, isAdmin: true }
    this.known = [
      ...(token === undefined ? [] : [{ digest: digest(token), caller: admin }]),
      ...tokens.map(({ token: text, name, scopes, environment: own }) => ({
        digest: digest(text),
        caller: { name, scopes: new Set(scopes), environment: own, isAdmin: false },
      })),
    ]
    this.anyone = this.known.length === 0 ? { ...admin, name: 'local' } : null
  }

  /** Nobody needs a token. */
  get areNone(): boolean {
    return this.anyone !== null
  }

  /** Of an `Authorization` header; null: no token, or an unknown one. Takes the same time for every token. */
  callerOf(authorization: string | undefined): Caller | null {
    if (this.anyone !== null) return this.anyone
    const given = /^Bearer\s+(.+)$/i.exec(authorization ?? '')?.[1]
    if (given === undefined) return null
    const sent = digest(given)
    let found: Caller | null = null
    for (const each of this.known) if (timingSafeEqual(each.digest, sent)) found ??= each.caller
    return found
  }
}

/** Equal lengths whatever was sent, so that the comparison takes the same time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
