/** The partitions of one group that this instance reads, and how far. */
export class Share {
  /** Of its lease, by the monotonic clock of this process. */
  untilMs = -Infinity
  tending: Promise<void> | null = null
  #from = 0
  #rounds = 0
  #held = new Set<number>()
  /** To be given up when what was read of them is finished. */
  readonly #leaving = new Set<number>()
  /** The last place that was handed out, by partition. */
  readonly #at = new Map<number, number>()
  /** What was handed out and is not acknowledged: place → partition. */
  readonly #open = new Map<number, number>()
  readonly #counts = new Map<number, number>()
  #leavesOutOpen = false
  #run: string | null = null

  /** Behind which place the log is to be looked through, and for which time. */
  get from(): { readonly place: number; readonly round: number } {
    return { place: this.#from, round: this.#rounds }
  }

  /** Everything up to this place was looked at. False: there is more to be found in front of it since. */
  lookedThrough(upTo: number, round: number): boolean {
    if (round !== this.#rounds) return false
    this.#from = upTo
    return true
  }

  get leaving(): readonly number[] {
    return [...this.#leaving]
  }

  /** Whoever reads now has nothing in hand: everything that is not acknowledged is handed out again. */
  startOver(): void {
    this.#at.clear()
    this.#leavesOutOpen = false
    this.resume()
  }

  /**
   * A server that started anew, or took over, may lack the last acknowledgements: what it does not know as acknowledged is
   * handed out again, except what is in hand. True: it is another one than before.
   */
  ranOn(run: string): boolean {
    const isAnother = this.#run !== null && this.#run !== run
    this.#run = run
    if (isAnother) {
      this.startOver()
      this.#leavesOutOpen = true
    }
    return isAnother
  }

  /** Who has read before goes on behind that; what it does not know yet may lie further in front. */
  resume(): void {
    this.#from = 0
    this.#rounds += 1
  }

  /** Whether an entry is to be handed out. */
  wants(place: number, partition: number): boolean {
    if (!this.#held.has(partition) || this.#leaving.has(partition)) return false
    return place > (this.#at.get(partition) ?? 0) && !(this.#leavesOutOpen && this.#open.has(place))
  }

  /** Before the entry is handed out. */
  begins(place: number, partition: number): void {
    if (this.#open.has(place)) return
    this.#open.set(place, partition)
    this.#counts.set(partition, (this.#counts.get(partition) ?? 0) + 1)
  }

  /** Whoever reads has taken it, and asks for the next one. */
  took(place: number, partition: number): void {
    this.#at.set(partition, place)
  }

  /** True: a partition that is to be given up is free for it now. */
  finished(places: readonly number[]): boolean {
    let isFree = false
    for (const place of places) {
      const partition = this.#open.get(place)
      if (partition === undefined) continue
      this.#open.delete(place)
      const count = this.#counts.get(partition)! - 1
      this.#counts.set(partition, count)
      if (count === 0 && this.#leaving.has(partition)) isFree = true
    }
    return isFree
  }

  /** What can be given up. */
  drained(): number[] {
    return this.leaving.filter((partition) => (this.#counts.get(partition) ?? 0) === 0)
  }

  /**
   * The group was divided: this is what it holds now, and what is fair. True: there may be more to read, from the beginning.
   */
  divide(fair: number, held: readonly number[]): boolean {
    const before = this.#held
    this.#held = new Set(held)
    for (const partition of before) {
      if (this.#held.has(partition)) continue
      this.#leaving.delete(partition)
      this.#at.delete(partition)
    }
    const grew = held.some((partition) => !before.has(partition)) || this.#choose(fair)
    if (grew) this.resume()
    return grew
  }

  /** What it has more than is fair goes. True: it keeps one that it wanted to give up. */
  #choose(fair: number): boolean {
    let keeps = false
    const surplus = Math.max(0, this.#held.size - fair)
    while (this.#leaving.size > surplus) {
      const [first] = this.#leaving
      this.#leaving.delete(first!)
      keeps = true
    }
    for (const partition of this.#held) {
      if (this.#leaving.size >= surplus) break
      this.#leaving.add(partition)
    }
    return keeps
  }
}
