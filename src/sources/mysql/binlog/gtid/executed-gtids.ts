import type { Flavour } from '../../../../model/table/table.ts'
import { MysqlGtidSet } from '../../gtid/gtid-set.ts'
import { MariadbGtidPosition } from '../../gtid/mariadb-gtid-position.ts'

type GtidSet = MysqlGtidSet | MariadbGtidPosition

/** Commits noted before they are worked into the set that the next ones build on. */
const COMMITS_PER_EPOCH = 1024

/** A set and the GTIDs committed since, in order. Never changes but by appending. */
interface Epoch {
  readonly base: GtidSet
  readonly commits: string[]
}

/** The executed set at one moment. Costs two words to take; its text is made when somebody asks. */
export class GtidSnapshot {
  readonly #epoch: Epoch
  readonly #commits: number
  #text: string | null = null

  constructor(epoch: Epoch) {
    this.#epoch = epoch
    this.#commits = epoch.commits.length
  }

  /** The set as text, with these GTIDs added. */
  with(gtids: Iterable<string>): string {
    const set = this.#epoch.base.clone()
    for (let i = 0; i < this.#commits; i++) set.add(this.#epoch.commits[i]!)
    for (const gtid of gtids) set.add(gtid)
    return set.toString()
  }

  toString(): string {
    this.#text ??= this.with([])
    return this.#text
  }
}

/**
 * The GTIDs executed up to where the reader is. A commit appends to a list; only a checkpoint, a few times a second,
 * has to make a set of it. Null snapshots: the set is not known, or there are no GTIDs.
 */
export class ExecutedGtids {
  readonly #flavour: Flavour
  #epoch: Epoch | null
  /** The file began with nothing executed: known as soon as a transaction with a GTID comes. */
  #beganEmpty = false

  /** Throws BINGO_GTID_INVALID. */
  constructor(flavour: Flavour, text: string | null) {
    this.#flavour = flavour
    if (text === null) this.#epoch = null
    else if (flavour === 'mysql') this.#epoch = { base: MysqlGtidSet.parse(text), commits: [] }
    else this.#epoch = { base: MariadbGtidPosition.parse(text), commits: [] }
  }

  /** A transaction was committed; null: an anonymous one, behind which no set describes the position. */
  commit(gtid: string | null): void {
    if (gtid === null) {
      this.#epoch = null
      this.#beganEmpty = false
      return
    }
    if (this.#epoch === null) {
      if (!this.#beganEmpty) return
      this.#epoch = { base: this.#flavour === 'mysql' ? new MysqlGtidSet() : new MariadbGtidPosition(), commits: [] }
    }
    this.#epoch.commits.push(gtid)
    if (this.#epoch.commits.length >= COMMITS_PER_EPOCH) this.#epoch = nextEpoch(this.#epoch)
  }

  /** What was executed before the file that begins here; only of use where nothing is known. */
  learn(set: GtidSet): void {
    if (this.#epoch !== null) return
    // A server without GTIDs writes an empty set too; the first transaction tells which it is.
    if (set.isEmpty()) this.#beganEmpty = true
    else this.#epoch = { base: set, commits: [] }
  }

  snapshot(): GtidSnapshot | null {
    return this.#epoch === null ? null : new GtidSnapshot(this.#epoch)
  }
}

function nextEpoch({ base, commits }: Epoch): Epoch {
  const next = base.clone()
  for (const gtid of commits) next.add(gtid)
  return { base: next, commits: [] }
}
