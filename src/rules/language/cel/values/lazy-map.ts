/** A CEL map whose entries are made when they are asked for: an expression reads few of them. */
export abstract class LazyMap extends Map<string, unknown> {
  #filled = false

  abstract override get(name: string): unknown
  /** All there are, for comprehensions, size() and equality. */
  protected abstract all(): Iterable<readonly [name: string, value: unknown]>

  /** With every entry in it. */
  private whole(): this {
    if (this.#filled) return this
    this.#filled = true
    for (const [name, value] of this.all()) if (value !== undefined) super.set(name, value)
    return this
  }

  override has(name: string): boolean {
    this.whole()
    return super.has(name)
  }

  override get size(): number {
    this.whole()
    return super.size
  }

  override entries(): MapIterator<[string, unknown]> {
    this.whole()
    return super.entries()
  }

  override keys(): MapIterator<string> {
    this.whole()
    return super.keys()
  }

  override [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.entries()
  }
}

/** The engine takes for maps what was made by Map itself, not by a class derived from it. */
export function looksLikeMap({ prototype }: { readonly prototype: object }): void {
  Object.defineProperty(prototype, 'constructor', { value: Map })
}
