import type { Value } from '../event/row.ts'
import { nativeJson, nativeWrittenJson } from './native-json.ts'

/** Why a text is not taken, and where: `path` as in `$.payload.items[3]`, `offset` in characters. */
export class JsonProblem extends Error {
  readonly reason: 'syntax' | 'depth' | 'duplicate key' | 'forbidden key' | 'number'
  readonly path: string
  readonly offset: number

  constructor(reason: JsonProblem['reason'], message: string, path: string, offset: number) {
    super(message)
    this.reason = reason
    this.path = path
    this.offset = offset
  }
}

/** Nobody writes longer numbers, and making an integer of one takes time that grows with the square of its length. */
const LONGEST_NUMBER = 1_000

/** Whitespace, strings without escapes, and numbers by RFC 8259. */
const SPACE = /[ \t\n\r]*/y
const PLAIN = /[^"\\\u0000-\u001f]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y

/**
 * Reads JSON from outside: integers that a JS number cannot hold are bigints, a key that stands twice and `__proto__` are
 * refused, and so is what is nested deeper than `maxDepth`. Maps have no prototype. Throws JsonProblem.
 */
export function parseJson(text: string, maxDepth: number): Value {
  return readJson(text, maxDepth).value
}

export interface ReadJson {
  readonly value: Value
  /** `parseWrittenJson` makes the same of what `exactJson` writes of it: no number is one that changes its form by that, such as 1e20. */
  readonly isPlain: boolean
}

/** As `parseJson`. */
export function readJson(text: string, maxDepth: number): ReadJson {
  const value = nativeJson(text, maxDepth)
  if (value !== undefined) return { value, isPlain: true }
  return { value: new JsonReader(text, maxDepth).read(), isPlain: false }
}

/** The same, of a text that `exactJson` wrote of a value that `parseJson` would take. */
export function parseWrittenJson(text: string, maxDepth: number): Value {
  return nativeWrittenJson(text, maxDepth) ?? new JsonReader(text, maxDepth).read()
}

class JsonReader {
  private readonly text: string
  private readonly maxDepth: number
  private at = 0
  private depth = 0
  private readonly path: (string | number)[] = []

  constructor(text: string, maxDepth: number) {
    this.text = text
    this.maxDepth = maxDepth
  }

  read(): Value {
    const value = this.value()
    this.space()
    if (this.at < this.text.length) this.fail('syntax', 'more text follows the JSON value')
    return value
  }

  private value(): Value {
    this.space()
    switch (this.text.charCodeAt(this.at)) {
      case 0x7b:
        return this.map()
      case 0x5b:
        return this.list()
      case 0x22:
        return this.string()
      case 0x74:
        return this.word('true', true)
      case 0x66:
        return this.word('false', false)
      case 0x6e:
        return this.word('null', null)
      default:
        return this.number()
    }
  }

  private map(): Value {
    this.enter()
    const map = Object.create(null) as { [key: string]: Value }
    for (let isFirst = true; !this.ends('}', isFirst); isFirst = false) {
      if (this.text.charCodeAt(this.at) !== 0x22) this.fail('syntax', 'a key in double quotes is expected')
      const key = this.string()
      this.path.push(key)
      if (key === '__proto__') this.fail('forbidden key', 'the key "__proto__" is not allowed')
      if (key in map) this.fail('duplicate key', 'the key is given twice')
      this.space()
      this.expect(':')
      map[key] = this.value()
      this.path.pop()
    }
    return map
  }

  private list(): Value {
    this.enter()
    const list: Value[] = []
    for (let isFirst = true; !this.ends(']', isFirst); isFirst = false) {
      this.path.push(list.length)
      list.push(this.value())
      this.path.pop()
    }
    return list
  }

  private enter(): void {
    this.depth += 1
    if (this.depth > this.maxDepth) {
      this.fail('depth', `the JSON is nested deeper than ${this.maxDepth} levels`)
    }
    this.at += 1
  }

  /** Whether a map or list ends here; else steps behind the comma. */
  private ends(bracket: '}' | ']', isFirst: boolean): boolean {
    this.space()
    if (this.text[this.at] === bracket) {
      this.at += 1
      this.depth -= 1
      return true
    }
    if (!isFirst) {
      this.expect(',')
      this.space()
    }
    return false
  }

  private string(): string {
    const start = this.at
    let isPlain = true
    for (this.at += 1; ;) {
      PLAIN.lastIndex = this.at
      PLAIN.test(this.text)
      this.at = PLAIN.lastIndex
      const code = this.text.charCodeAt(this.at)
      if (code === 0x22) break
      if (code !== 0x5c) this.fail('syntax', 'a text is not closed, or holds a control character')
      isPlain = false
      this.at += 2
    }
    this.at += 1
    if (isPlain) return this.text.slice(start + 1, this.at - 1)
    try {
      return JSON.parse(this.text.slice(start, this.at)) as string
    } catch {
      this.at = start
      this.fail('syntax', 'a text holds an invalid escape')
    }
  }

  private number(): number | bigint {
    NUMBER.lastIndex = this.at
    const match = NUMBER.exec(this.text)
    if (match === null)
      this.fail('syntax', this.at < this.text.length ? 'a JSON value is expected' : 'the JSON ends early')
    const [written, fraction, exponent] = match
    if (written.length > LONGEST_NUMBER) this.fail('number', `the number has more than ${LONGEST_NUMBER} characters`)
    const number = Number(written)
    if (!Number.isFinite(number)) this.fail('number', 'the number is out of range')
    this.at += written.length
    if (fraction !== undefined || exponent !== undefined || Number.isSafeInteger(number)) return number
    return BigInt(written)
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('syntax', 'a JSON value is expected')
    this.at += word.length
    return value
  }

  private expect(character: string): void {
    if (this.text[this.at] !== character) this.fail('syntax', `"${character}" is expected`)
    this.at += 1
  }

  private space(): void {
    SPACE.lastIndex = this.at
    SPACE.test(this.text)
    this.at = SPACE.lastIndex
  }

  private fail(reason: JsonProblem['reason'], message: string): never {
    throw new JsonProblem(reason, message, jsonPath(this.path), this.at)
  }
}

/** `$.payload.items[3]`; a key that is no plain word in quotes. Long ones are cut. */
export function jsonPath(steps: readonly PropertyKey[]): string {
  let path = '$'
  for (const step of steps) {
    if (typeof step === 'number') path += `[${step}]`
    else {
      const key = String(step)
      path += /^[A-Za-z_]\w{0,63}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 64))}]`
    }
  }
  return path
}

/** Writes JSON with bigints as the integers that they are: `parseJson` reads the same value. */
export function exactJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch {
    // The engine's own writer is several times faster, but knows no bigints.
    return textOf(value)
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`
  let text = ''
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${textOf(item)}`
  }
  return `{${text}}`
}
