interface Waiting<T> {
  readonly at: number
  readonly seq: number
  readonly item: T
}

/** What waits for its time, the earliest first: a binary heap. */
export class DueQueue<T> {
  readonly #heap: Waiting<T>[] = []

  get size(): number {
    return this.#heap.length
  }

  get first(): Waiting<T> | undefined {
    return this.#heap[0]
  }

  /** Of two that are due at once, the one with the smaller `seq` is first. */
  add(at: number, seq: number, item: T): void {
    const heap = this.#heap
    const added = { at, seq, item }
    let index = heap.push(added) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(added, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = added
  }

  removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      let child = index * 2 + 1
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (child >= heap.length || !isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}

function isBefore<T>(one: Waiting<T>, other: Waiting<T>): boolean {
  return one.at < other.at || (one.at === other.at && one.seq < other.seq)
}
