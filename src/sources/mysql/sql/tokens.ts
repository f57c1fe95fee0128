import type { SqlSession } from '../../../model/source/binlog-stream.ts'

/** A word or number, a quoted name, a string literal, or one other character. */
export interface SqlToken {
  readonly kind: 'word' | 'name' | 'string' | 'mark'
  /** Unquoted; words as written. */
  readonly text: string
}

/** How a session without settings of its own reads, where it is not known which server it is on. */
export const PLAIN_SESSION: SqlSession = {
  ansiQuotes: false,
  backslashEscapes: true,
  mariadbComments: true,
  foldNames: false,
}

const patterns = new Map<string, RegExp>()

/**
 * In order: space and comments, the opening of a versioned comment (its content counts: servers disarm the others
 * before they log a statement) and its close, then the token.
 */
function patternFor({ ansiQuotes, backslashEscapes, mariadbComments }: SqlSession): RegExp {
  const key = `${ansiQuotes}${backslashEscapes}${mariadbComments}`
  let pattern = patterns.get(key)
  if (pattern === undefined) {
    const versioned = mariadbComments ? String.raw`\/\*M?!\d*` : String.raw`\/\*!\d*`
    const inside = (quote: string): string =>
      backslashEscapes ? String.raw`(?:[^${quote}\\]|${quote}${quote}|\\[^])*` : `(?:[^${quote}]|${quote}${quote})*`
    const single = `'${inside("'")}'?`
    const names = ['`(?:[^`]|``)*`?', ...(ansiQuotes ? ['"(?:[^"]|"")*"?'] : [])]
    const strings = [single, ...(ansiQuotes ? [] : [`"${inside('"')}"?`])]
    pattern = new RegExp(
      String.raw`\s+|#[^\n]*|--(?=\s|$)[^\n]*|${versioned}|\*\/|\/\*[^]*?(?:\*\/|$)|(?<name>${names.join('|')})|(?<string>${strings.join('|')})|(?<word>[\w$\u0080-\uffff]+)|(?<mark>[^])`,
      'gy',
    )
    patterns.set(key, pattern)
  }
  return pattern
}

/** Splits a statement, as far as it is read, into tokens; knows quotes, comments and versioned comments. */
export class SqlTokens {
  readonly #sql: string
  readonly #pattern: RegExp
  #at = 0
  #ahead: SqlToken | null | undefined
  #putBack: SqlToken | null = null

  constructor(sql: string, session: SqlSession = PLAIN_SESSION) {
    this.#sql = sql
    this.#pattern = patternFor(session)
  }

  /** The next token without taking it; null at the end. */
  peek(): SqlToken | null {
    if (this.#putBack !== null) return this.#putBack
    if (this.#ahead === undefined) this.#ahead = this.#scan()
    return this.#ahead
  }

  next(): SqlToken | null {
    const token = this.peek()
    if (this.#putBack === null) this.#ahead = undefined
    this.#putBack = null
    return token
  }

  /** The token taken last comes next once more; one at a time. */
  putBack(token: SqlToken): void {
    this.#putBack = token
  }

  /** The next token in upper case if it is a plain word, else ''. */
  peekWord(): string {
    const token = this.peek()
    return token?.kind === 'word' ? token.text.toUpperCase() : ''
  }

  /** Takes the next token if it is one of these words. */
  skip(...words: readonly string[]): boolean {
    if (!words.includes(this.peekWord())) return false
    this.next()
    return true
  }

  skipMark(mark: string): boolean {
    if (!this.isMark(mark)) return false
    this.next()
    return true
  }

  isMark(mark: string): boolean {
    const token = this.peek()
    return token?.kind === 'mark' && token.text === mark
  }

  /** Everything not yet taken, as written. */
  rest(): string {
    const token = this.next()
    return token === null ? '' : token.text + this.#sql.slice(this.#at)
  }

  /** All tokens not yet taken. */
  takeAll(): SqlToken[] {
    const tokens: SqlToken[] = []
    for (let token = this.next(); token !== null; token = this.next()) tokens.push(token)
    return tokens
  }

  #scan(): SqlToken | null {
    while (this.#at < this.#sql.length) {
      this.#pattern.lastIndex = this.#at
      const match = this.#pattern.exec(this.#sql)
      if (match === null) return null
      this.#at = this.#pattern.lastIndex
      const { name, string, word, mark } = match.groups!
      if (name !== undefined) return { kind: 'name', text: unquote(name) }
      if (string !== undefined) return { kind: 'string', text: unquote(string) }
      if (word !== undefined) return { kind: 'word', text: word }
      if (mark !== undefined) return { kind: 'mark', text: mark }
    }
    return null
  }
}

function unquote(text: string): string {
  const quote = text[0]!
  const inner = text.endsWith(quote) && text.length > 1 ? text.slice(1, -1) : text.slice(1)
  return inner.replaceAll(quote + quote, quote)
}
