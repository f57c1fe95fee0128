/** A word or number, a quoted name, a string literal, or one other character. */
export interface SqlToken {
  readonly kind: 'word' | 'name' | 'string' | 'mark'
  /** Unquoted; words as written. */
  readonly text: string
}

// In order: space and comments, the opening of a versioned comment (its content counts) and its close, then the token.
const PATTERN =
  /\s+|#[^\n]*|--(?=\s|$)[^\n]*|\/\*M?!\d*|\*\/|\/\*[^]*?(?:\*\/|$)|(?<name>`(?:[^`]|``)*`?)|(?<string>'(?:[^'\\]|''|\\[^])*'?|"(?:[^"\\]|""|\\[^])*"?)|(?<word>[\w$\u0080-\uffff]+)|(?<mark>[^])/gy

/** Splits a statement, as far as it is read, into tokens; knows quotes, comments and versioned comments. */
export class SqlTokens {
  readonly #sql: string
  #at = 0
  #ahead: SqlToken | null | undefined

  constructor(sql: string) {
    this.#sql = sql
  }

  /** The next token without taking it; null at the end. */
  peek(): SqlToken | null {
    if (this.#ahead === undefined) this.#ahead = this.#scan()
    return this.#ahead
  }

  next(): SqlToken | null {
    const token = this.peek()
    this.#ahead = undefined
    return token
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
    const token = this.peek()
    if (token?.kind !== 'mark' || token.text !== mark) return false
    this.next()
    return true
  }

  /** Everything not yet taken, as written. */
  rest(): string {
    const token = this.next()
    return token === null ? '' : token.text + this.#sql.slice(this.#at)
  }

  #scan(): SqlToken | null {
    while (this.#at < this.#sql.length) {
      PATTERN.lastIndex = this.#at
      const match = PATTERN.exec(this.#sql)
      if (match === null) return null
      this.#at = PATTERN.lastIndex
      const { name, string, word, mark } = match.groups!
      if (name !== undefined) return { kind: 'name', text: unquote(name, '`') }
      if (string !== undefined) return { kind: 'string', text: unquote(string, string[0]!) }
      if (word !== undefined) return { kind: 'word', text: word }
      if (mark !== undefined) return { kind: 'mark', text: mark }
    }
    return null
  }
}

function unquote(text: string, quote: string): string {
  const inner = text.endsWith(quote) && text.length > 1 ? text.slice(1, -1) : text.slice(1)
  return inner.replaceAll(quote + quote, quote)
}
